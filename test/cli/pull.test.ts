import { describe, expect, test } from "bun:test";
import { playOnScreen } from "../harness/screen.ts";
import { startInTerminal } from "../harness/terminal.ts";
import { type Result, start } from "./gantry.ts";
import { progressDaemon, type Stream } from "./progress-daemon.ts";

const ENTRY = `${import.meta.dir}/../../src/bin/gantry.ts`;
const MB = 1_000_000;

const count = (id: string, status: string, current: number, total: number) => ({
  id,
  status,
  progressDetail: { current, total },
});
const state = (id: string, status: string) => ({ id, status, progressDetail: {} });

/** A whole pull of two layers. */
function send(stream: Stream): void {
  const { query } = stream.asked;
  stream.line({ status: `Pulling from library/${query.get("fromImage")}`, id: query.get("tag") ?? "all" });
  stream.line(state("aaa", "Pulling fs layer"));
  stream.line(count("aaa", "Downloading", MB, 2 * MB));
  stream.line(state("aaa", "Pull complete"));
  stream.line({ status: "Digest: sha256:1" });
  stream.end();
}

async function result(child: ReturnType<typeof start>): Promise<Result> {
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, out, err };
}

function onTerminal(host: string, args: string[], size: { columns?: number; rows?: number } = {}) {
  const command = [process.execPath, "--no-env-file", ENTRY, ...args];
  return startInTerminal(command, { env: { DOCKER_HOST: host, HOME: "/dev/null/home", DOCKER_CONFIG: "" }, ...size });
}

describe("into a pipe", () => {
  test("each change of state is a line, bytes are not", async () => {
    using daemon = progressDaemon();
    const child = start(daemon.host, ["pull", "a"]);
    send(await daemon.next());
    expect(await result(child)).toEqual({
      code: 0,
      out:
        "Using default tag: latest\nlatest: Pulling from library/a\naaa: Pulling fs layer\naaa: Pull complete\n" +
        "Digest: sha256:1\ndocker.io/library/a:latest\n",
      err: "",
    });
    const [asked] = daemon.asked;
    expect([asked?.method, asked?.path, String(asked?.query)]).toEqual([
      "POST",
      "/images/create",
      "fromImage=a&tag=latest",
    ]);
  });

  test.each([
    [["pull", "-q", "a:1"], "docker.io/library/a:1\n", "fromImage=a&tag=1"],
    [["pull", "-qa", "h:5000/a"], "h:5000/a\n", "fromImage=h%3A5000%2Fa"],
    [
      ["pull", "-q", "--platform", "linux/arm64", "a"],
      "docker.io/library/a:latest\n",
      "fromImage=a&tag=latest&platform=linux%2Farm64",
    ],
  ])("%j prints the name alone", async (args, out, query) => {
    using daemon = progressDaemon();
    const child = start(daemon.host, args);
    send(await daemon.next());
    expect(await result(child)).toEqual({ code: 0, out, err: "" });
    expect(String(daemon.asked[0]?.query)).toBe(query);
  });

  test("an error within the stream ends it, with what to do", async () => {
    using daemon = progressDaemon();
    const child = start(daemon.host, ["pull", "-q", "h:5000/a"]);
    const stream = await daemon.next();
    stream.line({ errorDetail: { message: "Get https://h:5000/v2/: unauthorized: \u001b[2Jno" }, error: "x" });
    stream.end();
    expect(await result(child)).toEqual({
      code: 1,
      out: "",
      err: "Get https://h:5000/v2/: unauthorized: \ufffd[2Jno\nIf you have an account there: gantry login h:5000\n",
    });
  });

  test("-a with a tag is refused before anything is asked", async () => {
    using daemon = progressDaemon();
    const { code, err } = await result(start(daemon.host, ["pull", "-a", "a:1"]));
    expect([code, err]).toEqual([1, "tag can't be used with --all-tags/-a\n"]);
    expect(daemon.asked).toEqual([]);
  });
});

describe("several at once", () => {
  test("three are asked for together, the fourth when one has ended; lines say of which they are", async () => {
    using daemon = progressDaemon();
    const child = start(daemon.host, ["pull", "a", "b", "c", "d", "a"]);
    const streams = [await daemon.next(), await daemon.next(), await daemon.next()];
    expect(new Set(streams.map(({ asked }) => asked.query.get("fromImage")))).toEqual(new Set(["a", "b", "c"]));
    for (const stream of streams) stream.line(state("first", "Waiting"));
    const output = child.stdout.getReader();
    let out = "";
    const read = async () => {
      const { value, done } = await output.read();
      out += Buffer.from(value ?? []).toString();
      return !done;
    };
    // When the client has shown a line of each, it has long asked for whatever it asks for at once.
    while (out.split("Waiting").length < 4) await read();
    expect(daemon.asked).toHaveLength(3);
    for (const stream of streams) send(stream);
    send(await daemon.next());
    while (await read());
    const [err, code] = await Promise.all([child.stderr.text(), child.exited]);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain("b:latest: aaa: Pull complete\n");
    expect(out).toEndWith(["a", "b", "c", "d"].map((name) => `docker.io/library/${name}:latest\n`).join(""));
    expect(daemon.asked).toHaveLength(4);
  });

  test("one that fails stops no other, and is told at the end with code 1", async () => {
    using daemon = progressDaemon(({ query }) =>
      query.get("fromImage") === "bad"
        ? new Response('{"message":"pull access denied for bad, repository does not exist"}', { status: 404 })
        : undefined,
    );
    const child = start(daemon.host, ["pull", "-q", "bad", "good"]);
    send(await daemon.next());
    expect(await result(child)).toEqual({
      code: 1,
      out: "docker.io/library/good:latest\n",
      err:
        "bad: Error response from daemon: pull access denied for bad, repository does not exist\n" +
        "If you have an account there: gantry login\n",
    });
  });
});

describe("on a terminal", () => {
  test("layers are drawn in place with the sum below, and stay when they are all done", async () => {
    using daemon = progressDaemon();
    const terminal = onTerminal(daemon.host, ["pull", "a:1"]);
    const stream = await daemon.next();
    stream.line({ status: "Pulling from library/a", id: "1" });
    stream.line({ aux: { layerSizes: { aaa: 2 * MB, bbb: 6 * MB } } });
    stream.line(count("aaa", "Downloading", MB, 2 * MB));
    stream.line(state("bbb", "Waiting"));
    await terminal.expect("aaa: Downloading [");
    await terminal.expect("bbb: Waiting");
    await terminal.expect("0/2 layers  1MB/8MB");
    stream.line(count("bbb", "Downloading", 6 * MB, 6 * MB));
    stream.line(state("bbb", "Pull complete"));
    await terminal.expect("1/2 layers  7MB/8MB");
    await terminal.expect(/[\d.]+[kM]?B\/s {2}\d+s left/);
    stream.line(state("aaa", "Pull complete"));
    stream.line({ status: "Digest: sha256:1" });
    stream.end();
    expect(await terminal.exited).toBe(0);
    const { lines, cursorVisible } = playOnScreen(terminal.screen, 80, 24);
    expect(lines).toEqual([
      "1: Pulling from library/a",
      "aaa: Pull complete",
      "bbb: Pull complete",
      "Digest: sha256:1",
      "docker.io/library/a:1",
    ]);
    expect(cursorVisible).toBe(true);
  });

  test("more layers than rows: what is active is seen, nothing scrolls; a resize is followed", async () => {
    using daemon = progressDaemon();
    const terminal = onTerminal(daemon.host, ["pull", "a:1"], { columns: 60, rows: 6 });
    const stream = await daemon.next();
    for (let at = 0; at < 30; at++) stream.line(state(`w${at}`, "Waiting"));
    stream.line(count("w29", "Downloading", MB, 2 * MB));
    await terminal.expect("w29: Downloading");
    await terminal.expect("27 waiting");
    expect(playOnScreen(terminal.screen, 60, 6).lines).toHaveLength(5);
    terminal.resize(40, 10);
    await terminal.expect("23 waiting");
    stream.line({ errorDetail: { message: "it broke" } });
    stream.end();
    expect(await terminal.exited).toBe(1);
    expect(playOnScreen(terminal.screen, 60, 10).lines.at(-1)).toBe("it broke");
  });

  test("^C takes the bars away, gives the cursor back and tells the daemon by going away", async () => {
    using daemon = progressDaemon();
    const terminal = onTerminal(daemon.host, ["pull", "a:1"]);
    const stream = await daemon.next();
    stream.line({ status: "Pulling from library/a", id: "1" });
    stream.line(count("aaa", "Downloading", MB, 2 * MB));
    await terminal.expect("0/1 layers");
    terminal.type("\x03");
    expect(await terminal.exited).toBe(130);
    const { lines, cursorVisible } = playOnScreen(terminal.screen.replace("^C", ""), 80, 24);
    expect([lines, cursorVisible]).toEqual([["1: Pulling from library/a"], true]);
    await stream.gone;
  });

  test("several images have titles and one sum", async () => {
    using daemon = progressDaemon();
    const terminal = onTerminal(daemon.host, ["pull", "a", "b"]);
    const [one, two] = [await daemon.next(), await daemon.next()];
    for (const stream of [one, two]) stream.line(count("aaa", "Downloading", MB, 2 * MB));
    await terminal.expect("0/2 layers  2MB/4MB");
    const titles = playOnScreen(terminal.screen, 80, 24).lines.filter((line) => line.includes(":latest"));
    expect(titles.toSorted()).toEqual(["a:latest", "b:latest"]);
    for (const stream of [one, two]) {
      stream.line(state("aaa", "Pull complete"));
      stream.end();
    }
    expect(await terminal.exited).toBe(0);
    expect(playOnScreen(terminal.screen, 80, 24).lines).toEqual([
      "aaa: Pull complete",
      "aaa: Pull complete",
      "docker.io/library/a:latest",
      "docker.io/library/b:latest",
    ]);
  });

  test("of several, one that fails is seen no more", async () => {
    using daemon = progressDaemon();
    const terminal = onTerminal(daemon.host, ["pull", "a", "b"]);
    const [one, two] = [await daemon.next(), await daemon.next()];
    for (const stream of [one, two]) stream.line(count("aaa", "Downloading", MB, 2 * MB));
    await terminal.expect("0/2 layers  2MB/4MB");
    one.line({ error: "it broke" });
    one.end();
    await terminal.expect("0/1 layers  1MB/2MB");
    two.end();
    expect(await terminal.exited).toBe(1);
    const { lines } = playOnScreen(terminal.screen, 80, 24);
    expect(lines).toHaveLength(3);
    expect(lines.at(-1)).toBe(`${one.asked.query.get("fromImage")}: it broke`);
  });

  test("a dumb terminal has lines", async () => {
    using daemon = progressDaemon();
    const command = [process.execPath, "--no-env-file", ENTRY, "pull", "a:1"];
    const terminal = startInTerminal(command, {
      env: { DOCKER_HOST: daemon.host, HOME: "/dev/null/home", TERM: "dumb" },
    });
    send(await daemon.next());
    expect(await terminal.exited).toBe(0);
    expect(terminal.screen).not.toContain("\u001b");
    expect(terminal.screen).toContain("aaa: Pull complete\r\n");
  });
});

describe("run", () => {
  const missing = ({ method, path }: { method: string; path: string }) => {
    if (path === "/containers/create" && method === "POST") return true;
    return false;
  };

  test.each([
    [
      [],
      "Unable to find image 'a:latest' locally\nlatest: Pulling from library/a\naaa: Pulling fs layer\naaa: Pull complete\nDigest: sha256:1\n",
    ],
    [["--quiet"], "Unable to find image 'a:latest' locally\n"],
    [["--pull", "always", "-q"], ""],
  ])("create %j pulls to standard error", async (flags, err) => {
    let creates = 0;
    using daemon = progressDaemon((asked) => {
      if (!missing(asked)) return undefined;
      creates++;
      const absent = creates === 1 && !flags.includes("always");
      return absent
        ? Response.json({ message: "No such image: a:latest" }, { status: 404 })
        : Response.json({ Id: "c0ffee", Warnings: [] }, { status: 201 });
    });
    const child = start(daemon.host, ["create", ...flags, "a"]);
    send(await daemon.next());
    expect(await result(child)).toEqual({ code: 0, out: "c0ffee\n", err });
  });
});
