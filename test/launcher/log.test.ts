import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cstring, ptr, syscall } from "../../src/kernel/libc.ts";
import type { Supervise } from "../../src/runtime/plan/launch-plan.ts";
import { ALL, type Box, createBox, obstacle, parseLog, readUntil } from "./box.ts";

const LINE_BYTES = 16384;

describe.skipIf(obstacle() !== undefined)("the log", () => {
  let box: Box;
  let counter = 0;
  beforeAll(async () => {
    box = await createBox();
  });
  afterAll(() => box[Symbol.asyncDispose]());

  /** Prints the bytes through a file in the root, so that no shell changes them. Returns the raw log. */
  async function logOf(bytes: Uint8Array, supervise: Partial<Supervise> = {}): Promise<string> {
    const name = `payload-${counter++}`;
    writeFileSync(join(box.root, name), bytes);
    return (await box.run({ argv: ["cat", `/${name}`], supervise })).log;
  }

  const payload = (text: string) => parseLog(text).map(({ log }) => log);

  test("is escaped as Docker escapes", async () => {
    const text = await logOf(Buffer.from('a"b\\c<d>&\t\r\x00\x1f\x7f\u2028\u2029é€😀\n'));
    expect(text.slice(0, text.indexOf('","stream"'))).toBe(
      '{"log":"a\\"b\\\\c\\u003cd\\u003e\\u0026\\t\\r\\u0000\\u001f\x7f\\u2028\\u2029é€😀\\n',
    );
  });

  test("replaces each byte that is not UTF-8", async () => {
    const cases: [number[], string][] = [
      [[0xff, 0xfe], "\ufffd\ufffd"],
      [[0xc0, 0x80], "\ufffd\ufffd"],
      [[0xed, 0xa0, 0x80], "\ufffd\ufffd\ufffd"],
      [[0xe2, 0x82], "\ufffd\ufffd"],
      [[0xf4, 0x90, 0x80, 0x80], "\ufffd\ufffd\ufffd\ufffd"],
      [[0xf0, 0x9f, 0x98, 0x80], "😀"],
    ];
    for (const [bytes, expected] of cases) expect(payload(await logOf(Buffer.from(bytes)))).toEqual([expected]);
  });

  test("escapes any byte wherever it stands, alone and in runs", async () => {
    const lines: Buffer[] = [];
    for (let byte = 0; byte < 0x100; byte++) {
      if (byte === 0x0a) continue;
      for (const [before, count] of [
        [byte % 40, 1],
        [(byte * 7) % 23, 2 + (byte % 60)],
      ] as const) {
        const after = Buffer.alloc(byte % 19, "y");
        lines.push(Buffer.concat([Buffer.alloc(before, "x"), Buffer.alloc(count, byte), after, Buffer.from("\n")]));
      }
    }
    const decode = (line: Buffer) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(line);
    const text = await logOf(Buffer.concat(lines));
    expect(payload(text)).toEqual(lines.map(decode));
    expect(text.split("\n").slice(0, -1).map(textOf)).toEqual(lines.map((line) => escaped(decode(line))));
  }, 20_000);

  test("splits long lines at 16 KiB, as partials without newline", async () => {
    const lengths = async (length: number) =>
      payload(await logOf(Buffer.concat([Buffer.alloc(length, "x"), Buffer.from("\n")]))).map((line) => line.length);
    expect(await lengths(LINE_BYTES - 1)).toEqual([LINE_BYTES]);
    expect(await lengths(LINE_BYTES)).toEqual([LINE_BYTES, 1]);
    expect(await lengths(40_000)).toEqual([LINE_BYTES, LINE_BYTES, 40_001 - 2 * LINE_BYTES]);
  });

  test("cuts no character in two, neither at 16 KiB nor at the end of a read", async () => {
    const text = `x${"€".repeat(200_000)}\n`;
    const lines = payload(await logOf(Buffer.from(text)));
    expect(lines.join("")).toBe(text);
    expect(lines.every((line) => Buffer.byteLength(line) <= LINE_BYTES)).toBe(true);
  });

  test("keeps every byte of random text, in order", async () => {
    const text = Array.from({ length: 60_000 }, (_, i) => String.fromCodePoint((i * 7919) % 0xd000)).join("");
    expect(payload(await logOf(Buffer.from(text))).join("")).toBe(text);
  });

  test("holds an unfinished line until its newline", async () => {
    const { id, task, attachments } = await box.start(
      { argv: ["sh", "-c", "printf half; read x; echo done"], supervise: { stdin: true } },
      [ALL],
    );
    const stream = attachments[0];
    if (stream === undefined) throw new Error("no attachment");
    await readUntil(stream, /half/);
    expect(readFileSync(box.logPath(id), "utf8")).toBe("");
    stream.write("\n");
    await task.exited;
    expect(payload(readFileSync(box.logPath(id), "utf8"))).toEqual(["halfdone\n"]);
  });

  test("rotates by size and keeps so many files, and no line is lost between them", async () => {
    const path = join(box.dir, "rotated.log");
    await logOf(Buffer.from(Array.from({ length: 2000 }, (_, i) => `line ${i}\n`).join("")), {
      log: { path, maxBytes: 50_000, maxFiles: 3 },
    });
    const files = [`${path}.2`, `${path}.1`, path];
    for (const file of files) expect(statSync(file).size).toBeLessThanOrEqual(50_000);
    expect(existsSync(`${path}.3`)).toBe(false);
    const kept = files.flatMap((file) => payload(readFileSync(file, "utf8")));
    const first = Number(/\d+/.exec(kept[0] ?? "")?.[0]);
    expect(kept).toEqual(Array.from({ length: 2000 - first }, (_, i) => `line ${first + i}\n`));
    expect(kept.length).toBeGreaterThan(1000);
  });

  test("with one file starts over when it is full", async () => {
    const path = join(box.dir, "single.log");
    await logOf(Buffer.from(Array.from({ length: 2000 }, (_, i) => `line ${i}\n`).join("")), {
      log: { path, maxBytes: 20_000, maxFiles: 1 },
    });
    expect(statSync(path).size).toBeLessThanOrEqual(20_000);
    expect(existsSync(`${path}.1`)).toBe(false);
    expect(payload(readFileSync(path, "utf8")).at(-1)).toBe("line 1999\n");
  });

  test("goes on after what was there, and cuts off half a line that a killed launcher left", async () => {
    const path = join(box.dir, "torn.log");
    const whole = '{"log":"old\\n","stream":"stdout","time":"2026-01-01T00:00:00.000000000Z"}\n';
    writeFileSync(path, `${whole}{"log":"torn`);
    await logOf(Buffer.from("new\n"), { log: { path, maxBytes: 0, maxFiles: 1 } });
    expect(payload(readFileSync(path, "utf8"))).toEqual(["old\n", "new\n"]);
  });

  test("a full disk drops output, stops nothing, and the log says so when there is room", async () => {
    const disk = join(box.dir, "tiny");
    mkdirSync(disk);
    const words = ["tmpfs", disk, "tmpfs", "size=64k"].map(cstring) as [Buffer, Buffer, Buffer, Buffer];
    syscall("mount", disk, ptr(words[0]), ptr(words[1]), ptr(words[2]), 0, ptr(words[3]));
    try {
      const path = join(disk, "c.log");
      writeFileSync(join(disk, "ballast"), Buffer.alloc(32 * 1024));
      const { id, task, attachments } = await box.start(
        {
          argv: ["sh", "-c", "seq 1 20000; echo full >&2; read x; echo after"],
          supervise: { stdin: true, log: { path, maxBytes: 0, maxFiles: 1 } },
        },
        [ALL],
      );
      const stream = attachments[0];
      if (stream === undefined) throw new Error("no attachment");
      await readUntil(stream, /full/);
      writeFileSync(join(disk, "ballast"), "");
      stream.write("\n");
      expect((await task.exited).code).toBe(0);
      const lines = parseLog(readFileSync(path, "utf8"));
      expect(lines[0]?.log).toBe("1\n");
      const notice = lines.findIndex(({ log }) => log.includes("were dropped"));
      expect(lines[notice]?.stream).toBe("stderr");
      expect(lines.slice(notice + 1).map(({ log }) => log)).toEqual(["after\n"]);
      const dropped = Number(
        /log_dropped_bytes (\d+)/.exec(readFileSync(box.launcher.exitRecordPath(id), "utf8"))?.[1],
      );
      const kept = lines.slice(0, notice).reduce((sum, { log }) => sum + log.length, 0);
      expect(kept + dropped).toBe(108_894 + "full\n".length);
      expect(lines[notice]?.log).toContain(` ${dropped} bytes`);
    } finally {
      syscall("umount2", disk, ptr(words[1]), 2);
    }
  });
});

/** What stands between the quotes of `log`. */
function textOf(json: string): string {
  return json.slice('{"log":"'.length, json.indexOf('","stream"'));
}

/** As Docker's encoder: JSON's own escapes, and those that make it safe within HTML; what is no UTF-8 as an escape, too. */
function escaped(text: string): string {
  return JSON.stringify(text)
    .slice(1, -1)
    .replace(/[<>&\ufffd]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .replaceAll("\\b", "\\u0008")
    .replaceAll("\\f", "\\u000c");
}
