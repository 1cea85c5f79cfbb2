import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { GANTRY, startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { until } from "../harness/until.ts";

/** The daemon is killed while containers run: no line, no exit code, no promise is lost, and nothing is left over. */
let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await startDaemon();
}, 60_000);
afterEach(() => daemon?.removeContainers());
afterAll(() => daemon?.[Symbol.asyncDispose](), 60_000);

async function gantry(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await daemon.gantry(args);
  if (code !== 0) throw new Error(`gantry ${args.join(" ")}: exit code ${code}: ${stderr}`);
  return stdout.trim();
}

const state = (name: string) => gantry("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", name);

test("a container that talks all the while loses no line and says none twice", async () => {
  const script = "i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo line $i; usleep 10000; done; exit 5";
  await gantry("run", "-d", "--name", "talker", "busybox", "sh", "-c", script);
  for (let death = 0; death < 3; death++) {
    const lines = (await gantry("logs", "talker")).split("\n").length;
    await until("it has said more", async () => (await gantry("logs", "talker")).split("\n").length > lines + 10);
    await daemon.kill9();
    await Bun.sleep(200);
    await daemon.start();
    expect(await state("talker")).toMatch(/^(running 0|exited 5)$/);
  }
  expect(await gantry("wait", "talker")).toBe("5");
  const expected = Array.from({ length: 300 }, (_, index) => `line ${index + 1}`);
  expect((await gantry("logs", "talker")).split("\n")).toEqual(expected);
  await gantry("rm", "talker");
});

test("what ended while no daemon was there has its own exit code and time of end", async () => {
  await gantry("run", "-d", "--name", "short", "busybox", "sh", "-c", "sleep 0.5; echo last words; exit 17");
  await gantry("run", "-d", "--rm", "--name", "gone", "-v", "/scratch", "busybox", "sh", "-c", "sleep 0.5; exit 1");
  const endsBefore = Date.now() + 1500;
  await daemon.kill9();
  await Bun.sleep(1500);
  await daemon.start();
  expect(await state("short")).toBe("exited 17");
  expect(await gantry("logs", "short")).toBe("last words");
  expect(Date.parse(await gantry("inspect", "-f", "{{.State.FinishedAt}}", "short"))).toBeLessThan(endsBefore);
  await until("--rm is honoured", async () => (await gantry("ps", "-aq", "--filter", "name=gone")) === "");
  expect(await gantry("volume", "ls", "-q")).toBe("");
  await gantry("rm", "short");
});

test("exec, attach, stop and published ports work on containers of an earlier daemon", async () => {
  const serve = "mkdir /www; echo page > /www/index.html; exec httpd -f -p 80 -h /www";
  await gantry("run", "-d", "--name", "web", "-p", "127.0.0.1:0:80", "busybox", "sh", "-c", serve);
  const url = `http://${await gantry("port", "web", "80")}/`;
  await until("it answers", async () => (await fetch(url)).ok);
  await daemon.kill9();
  expect(await (await fetch(url)).text()).toBe("page\n");
  await daemon.start();
  expect(await (await fetch(url)).text()).toBe("page\n");
  expect(await gantry("exec", "web", "cat", "/www/index.html")).toBe("page");
  expect(await gantry("port", "web", "80")).toBe(url.slice(7, -1));
  await gantry("stop", "-t", "0", "web");
  expect(await state("web")).toBe("exited 137");
  await gantry("rm", "web");
});

test("a restart policy is obeyed by the next daemon too", async () => {
  await gantry("run", "-d", "--restart", "always", "--name", "phoenix", "busybox", "sleep", "1");
  await gantry("run", "-d", "--restart", "unless-stopped", "--name", "rested", "busybox", "sleep", "1000");
  await gantry("stop", "-t", "0", "rested");
  await daemon.kill9();
  await Bun.sleep(1500);
  await daemon.start();
  await until("it runs again", async () => (await state("phoenix")) === "running 0");
  expect(await state("rested")).toBe("exited 137");
  await gantry("rm", "-f", "phoenix", "rested");
});

test("a daemon that is stopped in peace leaves containers running as well", async () => {
  await gantry("run", "-d", "--name", "calm", "busybox", "sleep", "1000");
  const pid = await gantry("inspect", "-f", "{{.State.Pid}}", "calm");
  expect(await daemon.stop()).toBe(0);
  expect(() => process.kill(Number(pid), 0)).not.toThrow();
  await daemon.start();
  expect(await gantry("inspect", "-f", "{{.State.Pid}} {{.State.Running}}", "calm")).toBe(`${pid} true`);
  await gantry("rm", "-f", "calm");
});

test("a daemon that dies in the middle of creating and removing leaves things whole or not at all", async () => {
  for (let round = 0; round < 5; round++) {
    const jobs = Array.from({ length: 8 }, (_, index) =>
      daemon.client([...GANTRY, "run", index % 2 === 0 ? "-d" : "--rm", "busybox", "sh", "-c", "echo x"], {
        timeoutMs: 5000,
      }),
    );
    await Bun.sleep(60 + round * 35);
    await daemon.kill9();
    await Promise.all(jobs);
    await daemon.start();
    for (const { Id } of (await (await daemon.request("/containers/json?all=1")).json()) as { Id: string }[]) {
      expect((await daemon.request(`/containers/${Id}/json`)).status).toBe(200);
    }
    expect(await daemon.leakCheck()).toEqual([]);
  }
});

test("twenty containers that talk over two deaths lose no line, and say none twice or out of order", async () => {
  const count = 150;
  const script = `i=0; while [ $i -lt ${count} ]; do i=$((i+1)); echo line $i; usleep 10000; done`;
  const names = Array.from({ length: 20 }, (_, index) => `talker${index}`);
  await Promise.all(names.map((name) => gantry("run", "-d", "--name", name, "busybox", "sh", "-c", script)));
  const linesOf = async (name: string) => (await gantry("logs", name)).split("\n");
  for (const least of [20, 60]) {
    await until("it has said more", async () => (await linesOf("talker19")).length > least);
    await daemon.kill9();
    await daemon.start();
  }
  const expected = Array.from({ length: count }, (_, index) => `line ${index + 1}`);
  for (const name of names) {
    expect(await gantry("wait", name)).toBe("0");
    expect(await linesOf(name)).toEqual(expected);
  }
});

test("an exec that runs is taken up: it goes on, ends with its own code, and a new one can join", async () => {
  await gantry("run", "-d", "--name", "host", "busybox", "sleep", "1000");
  const body = { Cmd: ["sh", "-c", "while [ ! -e /tmp/go ]; do usleep 20000; done; exit 23"], AttachStdout: true };
  const { Id } = await daemon.call<{ Id: string }>("POST", "/containers/host/exec", body);
  await daemon.call("POST", `/exec/${Id}/start`, { Detach: true });
  const exec = () => daemon.call<{ Running: boolean; ExitCode: number | null; Pid: number }>("GET", `/exec/${Id}/json`);
  const before = await exec();
  expect(before).toMatchObject({ Running: true, ExitCode: null });
  await daemon.kill9();
  await daemon.start();
  expect(await exec()).toMatchObject({ Running: true, ExitCode: null, Pid: before.Pid });
  const { ExecIDs } = await daemon.call<{ ExecIDs: string[] }>("GET", "/containers/host/json");
  expect(ExecIDs).toEqual([Id]);
  await gantry("exec", "host", "touch", "/tmp/go");
  await until("it ends", async () => !(await exec()).Running);
  expect((await exec()).ExitCode).toBe(23);
});

test("clients that waited or looked on are told that the daemon is gone; the next one tells the end", async () => {
  const go = "while [ ! -e /tmp/go ]; do usleep 20000; done; exit 6";
  await gantry("run", "-d", "--name", "awaited", "busybox", "sh", "-c", go);
  const waiting = daemon.gantry(["wait", "awaited"]);
  const foreground = daemon.gantry(["run", "--rm", "--name", "watched", "busybox", "sh", "-c", `echo seen; ${go}`]);
  await until("it runs", async () => (await state("watched")) === "running 0");
  await until("it has spoken", async () => (await gantry("logs", "watched")) === "seen");
  await daemon.kill9();
  expect((await waiting).code).not.toBe(0);
  const watched = await foreground;
  expect([watched.code === 0, watched.stdout]).toEqual([false, "seen\n"]);
  await daemon.start();
  const again = daemon.gantry(["wait", "awaited"]);
  const gone = daemon.request("/containers/watched/wait?condition=removed", { method: "POST" });
  await gantry("exec", "awaited", "touch", "/tmp/go");
  await gantry("exec", "watched", "touch", "/tmp/go");
  expect((await again).stdout).toBe("6\n");
  expect(await (await gone).json()).toMatchObject({ StatusCode: 6 });
  expect(await gantry("ps", "-aq", "--filter", "name=watched")).toBe("");
});

test("a second daemon on the same data root is refused, and the first goes on", async () => {
  await gantry("run", "-d", "--name", "mine", "busybox", "sleep", "1000");
  const directory = join(daemon.directory, "second");
  const own = ["--exec-root", join(directory, "exec"), "--pidfile", join(directory, "pid")];
  const host = ["-H", `unix://${join(directory, "sock")}`, "--bridge", `${daemon.bridge}b`];
  const second = await daemon.gantry(["daemon", "--data-root", daemon.dataRoot, ...own, ...host]);
  expect(second.stderr).toContain(`another daemon is using ${daemon.dataRoot}`);
  expect(second.code).toBe(1);
  expect(await state("mine")).toBe("running 0");
});

test("nothing is left when every container is removed", async () => {
  expect(await daemon.leakCheck()).toEqual([]);
});
