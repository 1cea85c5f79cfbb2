import { expect, test } from "bun:test";
import { until } from "../../harness/until.ts";
import type { Suite } from "./context.ts";

const DETACH_KEYS = "\x10\x11";

/** attach, exec and logs: what goes in and out of a running container. */
export const streamsSuite: Suite = (client) => {
  test("exec runs beside the first process and gives its exit code", async () => {
    await client.ok(["run", "-d", "--name", "host", "-e", "A=1", "busybox", "sleep", "70"]);
    expect(await client.ok(["exec", "-e", "B=2", "-w", "/etc", "host", "sh", "-c", "echo $A $B $PWD"])).toBe(
      "1 2 /etc",
    );
    expect(await client.ok(["exec", "-u", "nobody", "host", "id", "-un"])).toBe("nobody");
    expect(await client.run(["exec", "-i", "host", "cat"], { input: "typed" })).toEqual({
      code: 0,
      stdout: "typed",
      stderr: "",
    });
    expect((await client.run(["exec", "host", "sh", "-c", "exit 5"])).code).toBe(5);
    expect((await client.run(["exec", "host", "no-such-program"])).code).toBe(127);
    expect((await client.run(["exec", "host", "/etc/passwd"])).code).toBe(126);
    await client.ok(["exec", "-d", "host", "touch", "/tmp/detached"]);
    await until(
      "the detached exec has run",
      async () => (await client.run(["exec", "host", "test", "-e", "/tmp/detached"])).code === 0,
    );
    await client.ok(["rm", "-f", "host"]);
    expect((await client.run(["exec", "host", "true"])).stderr).toMatch(/No such container: host/);
  });

  test("exec -it is a terminal", async () => {
    await client.ok(["run", "-d", "--name", "shell", "busybox", "sleep", "71"]);
    const terminal = client.terminal(["exec", "-it", "shell", "sh"]);
    try {
      await terminal.expect("# ");
      terminal.type("tty; echo $((6*7))\n");
      await terminal.expect("/dev/pts/");
      await terminal.expect("42");
      terminal.type("\x04");
      expect(await terminal.exited).toBe(0);
    } finally {
      terminal.close();
    }
    await client.ok(["rm", "-f", "shell"]);
  });

  test("attach reaches the running shell, detach keys leave it running", async () => {
    await client.ok(["run", "-dit", "--name", "attached", "busybox", "sh"]);
    const first = client.terminal(["attach", "attached"]);
    try {
      first.type("echo $((40+2))\n");
      await first.expect("42");
      first.type(DETACH_KEYS);
      await first.exited;
    } finally {
      first.close();
    }
    expect(await client.ok(["inspect", "-f", "{{.State.Running}}", "attached"])).toBe("true");
    const second = client.terminal(["attach", "attached"]);
    try {
      second.type("exit 4\n");
      expect(await second.exited).toBe(4);
    } finally {
      second.close();
    }
    await client.ok(["rm", "attached"]);
  });

  test("start -ai joins a container from its first byte", async () => {
    await client.ok(["create", "-i", "--name", "cat", "busybox", "sh", "-c", "echo first; cat"]);
    expect(await client.run(["start", "-ai", "cat"], { input: "second\n" })).toEqual({
      code: 0,
      stdout: "first\nsecond\n",
      stderr: "",
    });
    await client.ok(["rm", "cat"]);
  });

  test("logs -f follows to the end; --tail, --since and -t choose", async () => {
    await client.ok([
      "run",
      "-d",
      "--name",
      "talker",
      "busybox",
      "sh",
      "-c",
      "for i in 1 2 3 4 5; do echo line $i; sleep 0.1; done; echo err >&2",
    ]);
    const { stdout, stderr } = await client.run(["logs", "-f", "talker"]);
    expect([stdout, stderr]).toEqual(["line 1\nline 2\nline 3\nline 4\nline 5\n", "err\n"]);
    expect((await client.run(["logs", "--tail", "2", "talker"])).stdout).toBe("line 5\n");
    expect((await client.run(["logs", "-t", "--tail", "2", "talker"])).stdout).toMatch(
      /^\d{4}-\d\d-\d\dT[\d:.]{9,}Z line 5\n$/,
    );
    expect((await client.run(["logs", "--since", "1h", "--until", "59m", "talker"])).stdout).toBe("");
    await client.ok(["rm", "talker"]);
  });

  test("two megabytes at once arrive whole and in order, attached and in the log", async () => {
    const script = "seq 1 300000";
    const { stdout } = await client.run(["run", "--name", "flood", "busybox", "sh", "-c", script]);
    const lines = stdout.split("\n");
    expect([lines.length, lines[0], lines[299_999]]).toEqual([300_001, "1", "300000"]);
    expect((await client.run(["logs", "flood"])).stdout === stdout).toBe(true);
    await client.ok(["rm", "flood"]);
  });
};
