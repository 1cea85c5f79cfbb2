import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
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

test("nothing is left when every container is removed", async () => {
  expect(await daemon.leakCheck()).toEqual([]);
});
