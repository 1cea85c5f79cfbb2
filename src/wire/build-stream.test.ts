import { expect, test } from "bun:test";
import { encodeFrame, FRAME, FRAME_HEADER_BYTES, type Frame, FrameReader, MAX_DATA_BYTES } from "./build-stream.ts";

/** A generator with a seed, so that a failure can be repeated (mulberry32). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

test("frames come out as they went in, however the bytes are cut", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = randomFrom(seed);
    const frames: Frame[] = Array.from({ length: 20 }, () => ({
      type: 1 + random(12),
      stream: random(2 ** 31),
      payload: new Uint8Array(random(300)).map(() => random(256)),
    }));
    const bytes = Buffer.concat(frames.map(({ type, stream, payload }) => encodeFrame(type, stream, payload)));
    const reader = new FrameReader();
    const read: Frame[] = [];
    for (let at = 0; at < bytes.length; ) {
      const length = 1 + random(40);
      for (const frame of reader.push(bytes.subarray(at, at + length)))
        read.push({ ...frame, payload: frame.payload.slice() });
      at += length;
    }
    expect(read).toEqual(frames);
    expect(reader.complete).toBe(true);
  }
});

test("noise is refused, and takes no memory before", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = randomFrom(seed);
    const reader = new FrameReader();
    const noise = new Uint8Array(64).map(() => random(256));
    try {
      for (const { type, payload } of reader.push(noise)) {
        expect(type).toBeLessThanOrEqual(FRAME.alive);
        expect(payload.byteLength).toBeLessThanOrEqual(64);
      }
    } catch (error) {
      expect((error as Error).message).toMatch(/unknown type|too long/);
    }
  }
});

test.each([
  ["an unknown type", [0, 0, 0, 0, 99, 0, 0, 0, 0], "unknown type: 99"],
  ["type 0", [0, 0, 0, 0, 0, 0, 0, 0, 0], "unknown type: 0"],
  ["a message that is too long", [0, 4, 0, 1, FRAME.data, 0, 0, 0, 1], `at most ${MAX_DATA_BYTES}`],
  ["a frame that is too long", [255, 0, 0, 0, FRAME.request, 0, 0, 0, 0], "too long"],
])("%s is refused by its header", (_what, header, message) => {
  expect(() => [...new FrameReader().push(new Uint8Array(header))]).toThrow(message);
});

test("a stream that ends within a frame is not complete", () => {
  const reader = new FrameReader();
  const frame = encodeFrame(FRAME.alive, 0, new Uint8Array(4));
  expect([...reader.push(frame.subarray(0, FRAME_HEADER_BYTES + 2))]).toEqual([]);
  expect(reader.complete).toBe(false);
});
