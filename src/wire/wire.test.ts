import { expect, test } from "bun:test";
import { encodeJsonSeq } from "./json-seq.ts";
import { encodeLine, encodeProgressLine, JsonLines } from "./json-stream.ts";
import { Demultiplexer, encodeFrame, STDERR, STDOUT } from "./stdcopy.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array) => new TextDecoder().decode(data);

test("a frame is eight bytes of header and the payload", () => {
  expect([...encodeFrame(STDERR, bytes("ab"))]).toEqual([2, 0, 0, 0, 0, 0, 0, 2, 97, 98]);
  expect([...encodeFrame(STDOUT, new Uint8Array(0))]).toEqual([1, 0, 0, 0, 0, 0, 0, 0]);
});

test("frames come apart whatever way the stream was cut", () => {
  const whole = Buffer.concat([
    encodeFrame(STDOUT, bytes("hello ")),
    encodeFrame(STDERR, bytes("oops")),
    encodeFrame(STDOUT, new Uint8Array(0)),
    encodeFrame(STDOUT, bytes("world")),
  ]);
  for (let size = 1; size <= whole.length; size++) {
    const demultiplexer = new Demultiplexer();
    const seen = ["", "", ""];
    for (let at = 0; at < whole.length; at += size) {
      for (const { stream, data } of demultiplexer.push(whole.subarray(at, at + size))) seen[stream] += text(data);
    }
    expect(seen).toEqual(["", "hello world", "oops"]);
    expect(demultiplexer.complete).toBe(true);
  }
});

test("an unknown stream and an unfinished frame are told", () => {
  const demultiplexer = new Demultiplexer();
  expect(() => [...demultiplexer.push(new Uint8Array([9, 0, 0, 0, 0, 0, 0, 1]))]).toThrow("unrecognized stream: 9");
  const cut = new Demultiplexer();
  expect([...cut.push(encodeFrame(STDOUT, bytes("abc")).subarray(0, 10))].length).toBe(1);
  expect(cut.complete).toBe(false);
});

test("progress lines end with CRLF, lines with LF, records begin with 0x1E", () => {
  expect(text(encodeProgressLine({ status: "<&>" }))).toBe('{"status":"<&>"}\r\n');
  expect(text(encodeLine({ a: 1 }))).toBe('{"a":1}\n');
  expect(text(encodeJsonSeq({ a: 1 }))).toBe('\u001e{"a":1}\n');
});

test("JSON lines are read from any cut, with any line end and separator", () => {
  const whole = bytes('{"a":"ü"}\r\n\n\u001e{"a":2}\n{"a":3}');
  for (let size = 1; size <= whole.length; size++) {
    const lines = new JsonLines<{ a: unknown }>();
    const seen: unknown[] = [];
    for (let at = 0; at < whole.length; at += size) {
      for (const value of lines.push(whole.subarray(at, at + size))) seen.push(value.a);
    }
    seen.push(...[...lines.end()].map((value) => value.a));
    expect(seen).toEqual(["ü", 2, 3]);
  }
});
