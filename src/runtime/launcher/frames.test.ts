import { expect, test } from "bun:test";
import { parseExitRecord } from "./exit-record.ts";
import { EventReader, encodeAttach, encodeResize } from "./frames.ts";

function event(type: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header[0] = type;
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

test("requests are a header and big-endian numbers", () => {
  expect([...encodeAttach({ stdin: true, stdout: false, stderr: true })]).toEqual([1, 0, 0, 0, 0, 0, 0, 1, 5]);
  expect([...encodeResize(24, 300)]).toEqual([3, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 24, 0, 0, 1, 44]);
});

test("events arrive whole however the bytes are cut", () => {
  const exited = Buffer.alloc(28);
  exited.writeUInt32BE(137, 0);
  exited.writeUInt32BE(9, 4);
  exited.writeUInt32BE(1, 8);
  exited.writeBigUInt64BE(1_700_000_000_123_456_789n, 12);
  exited.writeBigUInt64BE(5n, 20);
  const failed = Buffer.concat([Buffer.from([0, 0, 0, 3, 0, 0, 0, 2]), Buffer.from("lookup nope")]);
  const bytes = Buffer.concat([event(17, failed), event(19, Buffer.alloc(0)), event(20, exited)]);
  const expected = [
    { type: "failed", operation: 3, errno: 2, detail: "lookup nope" },
    { type: "oom" },
    {
      type: "exited",
      exit: { code: 137, signal: 9, oomKilled: true, finishedAt: new Date(1_700_000_000_123) },
      logDroppedBytes: 5n,
    },
  ];
  for (const size of [1, 7, bytes.length]) {
    const reader = new EventReader();
    const events = [];
    for (let at = 0; at < bytes.length; at += size) events.push(...reader.push(bytes.subarray(at, at + size)));
    expect(events).toEqual(expected as typeof events);
  }
});

test("what no launcher sends is an error, not a wait", () => {
  expect(() => new EventReader().push(event(99, Buffer.alloc(0)))).toThrow();
  expect(() => new EventReader().push(Buffer.from([16, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]))).toThrow();
  expect(() => new EventReader().push(event(16, Buffer.alloc(3)))).toThrow();
});

test("an exit record is read whole or not at all", () => {
  const text = "code 137\nsignal 9\noom 1\nfinished_ns 1700000000123456789\nlog_dropped_bytes 0\n";
  expect(parseExitRecord(text)).toEqual({
    code: 137,
    signal: 9,
    oomKilled: true,
    finishedAt: new Date(1_700_000_000_123),
  });
  expect(parseExitRecord("")).toBeUndefined();
  expect(parseExitRecord("code 1\n")).toBeUndefined();
  expect(parseExitRecord("code x\nfinished_ns 1\n")).toBeUndefined();
});
