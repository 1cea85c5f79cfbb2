import { expect, test } from "bun:test";
import { until } from "../../harness/until.ts";
import type { Suite } from "./context.ts";

const LOOP = "while true; do echo hello world; sleep 0.2; done";

/** Containers in the background: start, look, stop, remove. */
export const lifecycleSuite: Suite = (client) => {
  test("run -d, ps, logs, stop, ps: the first tour", async () => {
    const id = await client.ok(["run", "-d", "--name", "tour", "busybox", "sh", "-c", LOOP]);
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    const row = await client.ok(["ps", "--format", "{{.ID}} {{.Image}} {{.Names}} {{.Command}} {{.Status}}"]);
    expect(row).toMatch(new RegExp(`^${id.slice(0, 12)} busybox tour "sh -c 'while true; .*" Up `));
    await until("it has said something", async () => (await client.ok(["logs", "tour"])).startsWith("hello world"));
    expect(await client.ok(["stop", "-t", "0", "tour"])).toBe("tour");
    expect(await client.ok(["ps", "-q"])).toBe("");
    expect(await client.ok(["ps", "-a", "--format", "{{.Names}} {{.Status}}"])).toMatch(/^tour Exited \(137\) /);
    expect(await client.ok(["rm", "tour"])).toBe("tour");
    expect(await client.ok(["ps", "-aq"])).toBe("");
  });

  test("stop asks with SIGTERM first", async () => {
    await client.ok([
      "run",
      "-d",
      "--name",
      "polite",
      "busybox",
      "sh",
      "-c",
      "trap 'echo bye; exit 3' TERM; while :; do sleep 0.1; done",
    ]);
    await client.ok(["stop", "polite"]);
    expect(await client.ok(["inspect", "-f", "{{.State.ExitCode}}", "polite"])).toBe("3");
    expect(await client.ok(["logs", "polite"])).toBe("bye");
    await client.ok(["rm", "polite"]);
  });

  test("wait prints the exit code of a container that ends later", async () => {
    await client.ok(["run", "-d", "--name", "later", "busybox", "sh", "-c", "sleep 0.5; exit 9"]);
    expect(await client.ok(["wait", "later"])).toBe("9");
    expect(await client.ok(["wait", "later"])).toBe("9");
    await client.ok(["rm", "later"]);
  });

  test("pause stops its processes, unpause lets them go on", async () => {
    await client.ok(["run", "-d", "--name", "paused", "busybox", "sh", "-c", LOOP]);
    await client.ok(["pause", "paused"]);
    expect(await client.ok(["ps", "--format", "{{.Status}}"])).toMatch(/\(Paused\)$/);
    const before = await client.ok(["logs", "paused"]);
    await Bun.sleep(500);
    expect(await client.ok(["logs", "paused"])).toBe(before);
    const refused = await client.run(["exec", "paused", "true"]);
    expect(refused.stderr).toMatch(/is paused, unpause the container before exec/);
    await client.ok(["unpause", "paused"]);
    await until("it goes on", async () => (await client.ok(["logs", "paused"])) !== before);
    await client.ok(["rm", "-f", "paused"]);
  });

  test("top lists the processes of the container", async () => {
    await client.ok(["run", "-d", "--name", "top", "busybox", "sleep", "61"]);
    const lines = (await client.ok(["top", "top"])).split("\n");
    expect(lines[0]).toMatch(/^UID\s+PID\s+PPID\s+.*CMD$/);
    expect(lines[1]).toMatch(/sleep 61$/);
    await client.ok(["rm", "-f", "top"]);
  });

  test("restart starts a new process", async () => {
    await client.ok(["run", "-d", "--name", "restarted", "busybox", "sleep", "62"]);
    const first = await client.ok(["inspect", "-f", "{{.State.Pid}}", "restarted"]);
    await client.ok(["restart", "-t", "0", "restarted"]);
    const second = await client.ok(["inspect", "-f", "{{.State.Pid}}", "restarted"]);
    expect(Number(second)).toBeGreaterThan(0);
    expect(second).not.toBe(first);
    await client.ok(["rm", "-f", "restarted"]);
  });

  test("a running container is removed only with force", async () => {
    await client.ok(["run", "-d", "--name", "busy", "busybox", "sleep", "63"]);
    const refused = await client.run(["rm", "busy"]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(
      /(container is running: stop the container before removing or force remove|You cannot remove a running container)/,
    );
    await client.ok(["rm", "-f", "busy"]);
    expect((await client.run(["inspect", "busy"])).stderr).toMatch(/No such (object|container): busy/);
  });

  test("rename changes the name that others are told", async () => {
    await client.ok(["create", "--name", "old", "busybox"]);
    await client.ok(["rename", "old", "new"]);
    expect(await client.ok(["ps", "-a", "--format", "{{.Names}}"])).toBe("new");
    await client.ok(["rm", "new"]);
  });

  test("a restart policy brings a failed container back as often as it says", async () => {
    await client.ok([
      "run",
      "-d",
      "--name",
      "phoenix",
      "--restart",
      "on-failure:2",
      "busybox",
      "sh",
      "-c",
      "echo up; exit 1",
    ]);
    const state = () => client.ok(["inspect", "-f", "{{.State.Status}} {{.RestartCount}}", "phoenix"]);
    await until("it gave up", async () => (await state()) === "exited 2");
    expect(await client.ok(["logs", "phoenix"])).toBe("up\nup\nup");
    await client.ok(["rm", "phoenix"]);
  });

  test("events tell the life of a container in order", async () => {
    const since = String(Date.now() / 1000);
    await client.ok(["run", "--rm", "--name", "eventful", "busybox", "true"]);
    await until("it is gone", async () => (await client.ok(["ps", "-aq", "--filter", "name=eventful"])) === "");
    const format = ["--format", "{{.Type}} {{.Action}}", "--filter", "type=container"];
    const until_ = String(Date.now() / 1000 + 0.01);
    const events = (await client.ok(["events", "--since", since, "--until", until_, ...format])).split("\n");
    const known = ["container create", "container attach", "container start", "container die", "container destroy"];
    expect(events.filter((event) => known.includes(event))).toEqual(known);
  });

  test("info and version tell of the daemon", async () => {
    expect(await client.ok(["info", "--format", "{{.OSType}} {{.NCPU}}"])).toMatch(/^linux \d+$/);
    expect(await client.ok(["version", "--format", "{{.Server.APIVersion}}"])).toMatch(/^1\.\d\d$/);
  });
};
