import { expect, test } from "bun:test";
import { until } from "../../harness/until.ts";
import type { Suite } from "./context.ts";

/** `run` in the foreground: output, input, exit codes, what the container sees. */
export const runSuite: Suite = (client) => {
  test("run prints what the command prints and gives its exit code", async () => {
    expect(await client.run(["run", "--rm", "busybox", "/bin/echo", "Hello world"])).toEqual({
      code: 0,
      stdout: "Hello world\n",
      stderr: "",
    });
    expect((await client.run(["run", "--rm", "busybox", "sh", "-c", "exit 42"])).code).toBe(42);
  });

  test("run keeps standard output and standard error apart", async () => {
    const { stdout, stderr } = await client.run(["run", "--rm", "busybox", "sh", "-c", "echo out; echo err >&2"]);
    expect([stdout, stderr]).toEqual(["out\n", "err\n"]);
  });

  test("run -i hands on its input to the end", async () => {
    const input = "line\n".repeat(50_000);
    const { stdout, code } = await client.run(["run", "-i", "--rm", "busybox", "cat"], { input });
    expect(stdout.length).toBe(input.length);
    expect(code).toBe(0);
  });

  const failures: [string, number, string[], RegExp][] = [
    ["an unknown program is 127", 127, ["busybox", "no-such-program"], /no-such-program/],
    ["a file that may not be executed is 126", 126, ["busybox", "/etc/passwd"], /permission denied/i],
    ["a directory is 126", 126, ["busybox", "/etc"], /permission denied|is a directory/i],
    [
      "a bad mount is 125",
      125,
      ["-v", "relative/path/x:relative", "busybox", "true"],
      /invalid|must be absolute|includes invalid characters/i,
    ],
    ["an unknown network is 125", 125, ["--network", "no-such-net", "busybox", "true"], /no-such-net not found/],
    ["an unknown flag is 125", 125, ["--no-such-flag", "busybox", "true"], /unknown flag: --no-such-flag/],
  ];
  test.each(failures)("%s", async (_name, code, args, message) => {
    const result = await client.run(["run", "--rm", ...args]);
    expect(result.stderr).toMatch(message);
    expect(result.code).toBe(code);
  });

  test("a killed container gives 128 and the signal", async () => {
    const running = client.run(["run", "--name", "killed", "busybox", "sleep", "60"]);
    await until("it runs", async () => (await client.ok(["ps", "-q", "--filter", "name=killed"])) !== "");
    await client.ok(["kill", "killed"]);
    expect((await running).code).toBe(137);
    expect(await client.ok(["inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "killed"])).toBe("exited 137");
    await client.ok(["rm", "killed"]);
  });

  test("environment, working directory, user and host name are as asked for", async () => {
    const options = ["-e", "COLOUR=blue", "-w", "/var/www", "-u", "www-data", "-h", "box"];
    const script = "echo $COLOUR; pwd; id -un; hostname; cat /etc/hostname";
    expect(await client.ok(["run", "--rm", ...options, "busybox", "sh", "-c", script])).toBe(
      "blue\n/var/www\nwww-data\nbox\nbox",
    );
  });

  test("a container sees its own processes only", async () => {
    expect(
      await client.ok([
        "run",
        "--rm",
        "busybox",
        "sh",
        "-c",
        "ps -o pid | tail -n +2 | head -1; ls /proc | grep -c '^[0-9]*$'",
      ]),
    ).toMatch(/^\s*1\n[2-5]$/);
  });

  test("run -it is a terminal of the right size, and exit ends it", async () => {
    const terminal = client.terminal(["run", "--rm", "-it", "busybox", "sh"]);
    try {
      await terminal.expect("# ");
      terminal.type("tty; stty size\n");
      await terminal.expect("/dev/pts/0");
      await terminal.expect("24 80");
      terminal.resize(100, 40);
      await until("the size arrives", async () => {
        terminal.type("stty size\n");
        await terminal.expect(/\d+ \d+\r\n/);
        return terminal.screen.includes("40 100");
      });
      terminal.type("exit 7\n");
      expect(await terminal.exited).toBe(7);
    } finally {
      terminal.close();
    }
  });

  test("a container that was run is kept, and can be started again with its output", async () => {
    await client.ok(["run", "--name", "again", "busybox", "echo", "once more"]);
    expect(await client.ok(["start", "-a", "again"])).toBe("once more");
    expect(await client.ok(["logs", "again"])).toBe("once more\nonce more");
    await client.ok(["rm", "again"]);
  });

  test("a name that is in use is refused with Docker's words", async () => {
    await client.ok(["create", "--name", "taken", "busybox"]);
    const { stderr, code } = await client.run(["run", "--name", "taken", "busybox"]);
    expect(stderr).toMatch(/Conflict\. The container name "\/taken" is already in use by container "?[0-9a-f]{64}/);
    expect(code).toBe(125);
    await client.ok(["rm", "taken"]);
  });
};
