import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { type LogSource, readLog } from "./follow-log.ts";
import { fixedTime, parseLogLine, renderDetails, renderLogLine, timeMs } from "./log-line.ts";
import { type LogSelection, renderLines } from "./render-lines.ts";

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(`${tmpdir()}/gantry-logs-`);
  path = `${directory}/x-json.log`;
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const line = (text: string) =>
  `${JSON.stringify({ log: `${text}\n`, stream: "stdout", time: "2026-01-01T00:00:00Z" })}\n`;
const lines = (...texts: string[]) => texts.map(line).join("");

/** A source whose life ends when `end` is called. */
function source(changes: Partial<LogSource> = {}): LogSource & { end: () => void; abort: AbortController } {
  const abort = new AbortController();
  const ended = Promise.withResolvers<void>();
  let live = true;
  return {
    path,
    tail: undefined,
    follow: false,
    isLive: () => live,
    changed: () => ended.promise,
    signal: abort.signal,
    abort,
    end() {
      live = false;
      ended.resolve();
    },
    ...changes,
  };
}

async function read(from: LogSource): Promise<string> {
  const texts: string[] = [];
  for await (const chunk of readLog(from)) for (const json of chunk) texts.push(parseLogLine(json)?.text.trim() ?? "?");
  return texts.join(" ");
}

describe("reading", () => {
  test("begins with the oldest rotated file", async () => {
    writeFileSync(`${path}.2`, lines("a", "b"));
    writeFileSync(`${path}.1`, lines("c"));
    writeFileSync(path, lines("d", "e"));
    expect(await read(source())).toBe("a b c d e");
  });

  test.each([
    [0, ""],
    [1, "e"],
    [2, "d e"],
    [3, "c d e"],
    [4, "b c d e"],
    [99, "a b c d e"],
  ])("the last %d lines, across files", async (tail, expected) => {
    writeFileSync(`${path}.2`, lines("a", "b"));
    writeFileSync(`${path}.1`, lines("c"));
    writeFileSync(path, lines("d", "e"));
    expect(await read(source({ tail }))).toBe(expected);
  });

  test("a tail is found behind many lines, and in lines longer than a chunk", async () => {
    const texts = Array.from({ length: 20_000 }, (_, index) => `line-${index}`);
    writeFileSync(path, lines(...texts, "x".repeat(100_000), "last"));
    expect(await read(source({ tail: 3 }))).toBe(`line-19999 ${"x".repeat(100_000)} last`);
    expect((await read(source({ tail: 15_000 }))).split(" ")).toHaveLength(15_000);
  });

  test("a damaged line, an endless one and a torn last one do no harm", async () => {
    writeFileSync(path, `${line("a")}{"log":"torn\n${"z".repeat(600_000)}\n${line("b")}{"log":`);
    expect(await read(source())).toBe("a ? b ?");
  });

  test("no log at all is empty", async () => {
    expect(await read(source())).toBe("");
  });
});

describe("following", () => {
  test("yields what comes, through rotations, until the end", async () => {
    writeFileSync(path, lines("a"));
    const from = source({ follow: true });
    const reading = read(from);
    await Bun.sleep(20);
    appendFileSync(path, lines("b"));
    renameSync(path, `${path}.1`);
    writeFileSync(path, lines("c"));
    await Bun.sleep(20);
    appendFileSync(path, lines("d"));
    renameSync(`${path}.1`, `${path}.2`);
    renameSync(path, `${path}.1`);
    writeFileSync(path, lines("e"));
    from.end();
    expect(await reading).toBe("a b c d e");
  });

  test("waits for a log that does not exist yet", async () => {
    const from = source({ follow: true });
    const reading = read(from);
    await Bun.sleep(10);
    writeFileSync(path, lines("first"));
    from.end();
    expect(await reading).toBe("first");
  });

  test("ends when the client goes away", async () => {
    writeFileSync(path, lines("a"));
    const from = source({ follow: true });
    const reading = read(from);
    await Bun.sleep(10);
    from.abort.abort();
    expect(await reading).toBe("a");
  });

  test("tail and follow begin at the tail", async () => {
    writeFileSync(path, lines("a", "b"));
    const from = source({ follow: true, tail: 0 });
    const reading = read(from);
    await Bun.sleep(20);
    appendFileSync(path, lines("c"));
    from.end();
    expect(await reading).toBe("c");
  });
});

describe("rendering", () => {
  const record = (log: string, stream: string, time = "2026-01-01T00:00:00.123456789Z") =>
    `{"log":${JSON.stringify(log)},"stream":"${stream}","time":"${time}"}`;
  const rendered = async (jsons: string[], selection: Partial<LogSelection> = {}, timestamps = false) => {
    async function* chunks() {
      yield jsons.map((json) => Buffer.from(json));
    }
    const all: Uint8Array[] = [];
    const options = { timestamps, details: undefined, tty: false };
    const selected = { stdout: true, stderr: true, ...selection };
    for await (const piece of renderLines(chunks(), selected, options)) all.push(piece);
    return Buffer.concat(all);
  };
  const framed = (text: string, stream = 1) => {
    const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
    header.writeUInt32BE(Buffer.byteLength(text), 4);
    return Buffer.concat([header, Buffer.from(text)]);
  };

  test.each([
    ["a plain line", record("hello\n", "stdout"), framed("hello\n")],
    ["one to stderr", record("é€\n", "stderr"), framed("é€\n", 2)],
    ["an empty line", record("\n", "stdout"), framed("\n")],
    ["a part without newline", record("part", "stdout"), framed("part")],
    ["escapes", record('a"\\\t\n', "stdout"), framed('a"\\\t\n')],
    ["a newline's escape that is text", record("a\\n", "stdout"), framed("a\\n")],
    ["a short time", record("a\n", "stdout", "2026-01-01T00:00:00Z"), framed("a\n")],
    [
      "what looks like the end of a line",
      record('x\n","stream":"stderr","time":"y', "stdout"),
      framed('x\n","stream":"stderr","time":"y'),
    ],
    ["two lines that damage has joined", `{"log":"a${record("b\n", "stdout")}`, Buffer.alloc(0)],
    ["no JSON at all", "garbage", Buffer.alloc(0)],
  ])("%s", async (_name, json, expected) => {
    expect(await rendered([json])).toEqual(expected);
  });

  test("selects by stream, with escapes and without", async () => {
    const jsons = ["a\n", "b\t\n"].flatMap((text) => [record(text, "stdout"), record(text, "stderr")]);
    expect(await rendered(jsons, { stdout: false })).toEqual(Buffer.concat([framed("a\n", 2), framed("b\t\n", 2)]));
    expect(await rendered(jsons, { stderr: false })).toEqual(Buffer.concat([framed("a\n"), framed("b\t\n")]));
  });

  test("selects by time, and ends after it", async () => {
    const at = (second: number) => record(`${second}\n`, "stdout", `2026-01-01T00:00:0${second}.000000000Z`);
    const selection = { since: new Date("2026-01-01T00:00:02Z"), until: new Date("2026-01-01T00:00:03Z") };
    expect(await rendered([1, 2, 3, 4, 3].map(at), selection)).toEqual(Buffer.concat([framed("2\n"), framed("3\n")]));
  });

  test("pieces of many lines, and of lines larger than a piece, are the same bytes", async () => {
    const texts = Array.from(
      { length: 500 },
      (_, index) => `${"x".repeat((index * 7919) % (index % 50 === 0 ? 200_000 : 900))}\n`,
    );
    expect(await rendered(texts.map((text) => record(text, "stdout")))).toEqual(
      Buffer.concat(texts.map((text) => framed(text))),
    );
  });
});

describe("a line", () => {
  const parsed = { stream: "stderr", text: "hi\n", time: "2026-01-01T00:00:00.5Z" } as const;

  test("is framed unless there is a terminal", () => {
    const plain = { timestamps: false, details: undefined };
    expect(renderLogLine(parsed, { ...plain, tty: false })).toEqual(Buffer.from("\x02\0\0\0\0\0\0\x03hi\n"));
    expect(renderLogLine(parsed, { ...plain, tty: true })).toEqual(Buffer.from("hi\n"));
  });

  test("shows nine digits of time, then details", () => {
    const rendered = renderLogLine(parsed, { timestamps: true, details: "a=1", tty: true });
    expect(rendered.toString()).toBe("2026-01-01T00:00:00.500000000Z a=1 hi\n");
  });

  test("times are understood to the nanosecond", () => {
    expect(fixedTime("2026-01-01T00:00:00Z")).toBe("2026-01-01T00:00:00.000000000Z");
    expect(timeMs("2026-01-01T00:00:00.0015Z") - Date.parse("2026-01-01T00:00:00Z")).toBe(1.5);
    expect(timeMs("yesterday")).toBeNaN();
  });

  test("details are what the log options name, sorted and escaped", () => {
    const options = { labels: "b,none", env: "A" };
    expect(renderDetails(options, { b: "x y&" }, ["A=1", "A=2"])).toBe("A=2,b=x+y%26");
  });
});
