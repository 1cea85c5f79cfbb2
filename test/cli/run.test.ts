import { describe, expect, test } from "bun:test";
import { fakeDaemon, gantry, gantryOnTerminal, start } from "./gantry.ts";

describe("run", () => {
  test("copies both outputs apart and ends with the container's code", async () => {
    using daemon = fakeDaemon({
      run(process, command) {
        process.output(1, `${command.join(" ")}\n`);
        process.output(2, "oops\n");
        process.exit(7);
      },
    });
    const result = await gantry(daemon.host, ["run", "--rm", "img", "echo", "-n", "hi"]);
    expect(result).toEqual({ code: 7, out: "echo -n hi\n", err: "oops\n" });
  });

  test("asks for nothing but create, attach, wait and start, and starts last", async () => {
    using daemon = fakeDaemon({ run: (process) => process.exit(0) });
    await gantry(daemon.host, ["run", "--rm", "img"]);
    const calls = daemon.seen.map((request) => request.path.split("/").at(-1) ?? "");
    expect(new Set(calls)).toEqual(new Set(["attach", "create", "start", "wait"]));
    expect(calls).toHaveLength(4);
    expect(calls[0]).toBe("create");
    expect(calls.at(-1)).toBe("start");
    const wait = daemon.seen.find((request) => request.path.endsWith("/wait"));
    expect(wait?.query.get("condition")).toBe("removed");
  });

  test("loses nothing of a long output and keeps its order", async () => {
    const lines = Array.from({ length: 20_000 }, (_, index) => `${index} ${"x".repeat(80)}\n`);
    using daemon = fakeDaemon({
      async run(process) {
        for (let at = 0; at < lines.length; at += 100) {
          process.output(1, lines.slice(at, at + 100).join(""));
          await Bun.sleep(0);
        }
        process.exit(0);
      },
    });
    const result = await gantry(daemon.host, ["run", "img"]);
    expect(result.out.length).toBe(lines.join("").length);
    expect(result.out === lines.join("")).toBe(true);
  });

  test("-i sends our input and its end", async () => {
    let typed = "";
    using daemon = fakeDaemon({
      input(process, text) {
        typed += text;
        if (text !== "") return;
        process.output(1, typed.toUpperCase());
        process.exit(0);
      },
    });
    const result = await gantry(daemon.host, ["run", "-i", "img", "cat"], { stdin: "hello\n" });
    expect(result.out).toBe("HELLO\n");
  });

  test("-d prints the ID and attaches to nothing", async () => {
    using daemon = fakeDaemon();
    const result = await gantry(daemon.host, ["run", "-d", "img"]);
    expect(result.out).toBe(`${"c0ffee".padEnd(64, "0")}\n`);
    expect(daemon.seen.map((request) => request.path.split("/").at(-1))).toEqual(["create", "start"]);
  });

  test.each([
    ['exec: "nosuch": executable file not found in $PATH', 127],
    ["exec: permission denied", 126],
    ["driver failed programming external connectivity", 125],
  ])("a start that fails with %s ends with its code", async (message, code) => {
    using daemon = fakeDaemon({ answers: { "POST /containers/{id}/start": [400, { message }] } });
    const result = await gantry(daemon.host, ["run", "img", "nosuch"]);
    expect(result.code).toBe(code);
    expect(result.err).toBe(
      `gantry: Error response from daemon: ${message}\n\nRun 'gantry run --help' for more information\n`,
    );
  });

  test("an image that is missing is said to be, then asked for", async () => {
    const message = "No such image: nope:latest";
    using daemon = fakeDaemon({
      answers: {
        "POST /containers/create": [404, { message }],
        "POST /images/create": [501, { message: "pull is not supported" }],
      },
    });
    const result = await gantry(daemon.host, ["run", "nope"]);
    expect(result.code).toBe(125);
    expect(result.err).toContain("Unable to find image 'nope:latest' locally\n");
    expect(result.err).toContain("pull is not supported");
    const never = await gantry(daemon.host, ["run", "--pull", "never", "nope"]);
    expect(never.err).toContain(`Error response from daemon: ${message}`);
  });

  test("a signal to us reaches the container, whose code becomes ours", async () => {
    using daemon = fakeDaemon({
      run: (process) => process.output(1, "ready\n"),
      kill: (process, signal) => process.exit(signal === "TERM" ? 143 : 1),
    });
    const child = start(daemon.host, ["run", "img", "sleep"]);
    const reader = child.stdout.getReader();
    await reader.read();
    child.kill("SIGTERM");
    expect(await child.exited).toBe(143);
  });

  test("a daemon that is not there is told with Docker's words and 125", async () => {
    const result = await gantry("unix:///nonexistent/d.sock", ["run", "img"]);
    expect(result.code).toBe(125);
    expect(result.err).toContain(
      "Cannot connect to the Docker daemon at unix:///nonexistent/d.sock. Is the docker daemon running?",
    );
    const list = await gantry("unix:///nonexistent/d.sock", ["ps"]);
    expect(list.code).toBe(1);
  });

  test("a daemon of an older API is met at its version", async () => {
    using daemon = fakeDaemon({ maxVersion: "1.43", run: (process) => process.exit(3) });
    expect((await gantry(daemon.host, ["run", "img"])).code).toBe(3);
  });
});

describe("run -it", () => {
  test("needs a terminal", async () => {
    using daemon = fakeDaemon();
    const result = await gantry(daemon.host, ["run", "-it", "img"]);
    expect([result.code, result.err]).toEqual([1, "the input device is not a TTY\n"]);
  });

  test("passes keys as they are typed, tells the size, and ends with the code", async () => {
    using daemon = fakeDaemon({
      run: (process) => process.raw("prompt# "),
      input(process, text) {
        process.raw(`got ${JSON.stringify(text)}\r\n`);
        process.exit(5);
      },
    });
    const { code, screen } = await gantryOnTerminal(
      daemon.host,
      ["run", "-it", "img"],
      [{ when: "prompt#", typed: "\x03" }],
    );
    expect(screen).toContain('got "\\u0003"');
    expect(code).toBe(5);
    const resize = daemon.seen.find((request) => request.path.endsWith("/resize"));
    expect([resize?.query.get("h"), resize?.query.get("w")]).toEqual(["30", "100"]);
    const create = daemon.seen.find((request) => request.path.endsWith("/create"));
    expect(JSON.parse(create?.body ?? "{}")).toMatchObject({ HostConfig: { ConsoleSize: [30, 100] } });
  });

  test("ctrl-p ctrl-q leaves the container running", async () => {
    using daemon = fakeDaemon({ run: (process) => process.raw("prompt# ") });
    const keys = [{ when: "prompt#", typed: "\x10\x11" }];
    const { code, screen } = await gantryOnTerminal(daemon.host, ["run", "-it", "img"], keys);
    expect(code).toBe(0);
    expect(screen).toContain("read escape sequence");
  });
});
