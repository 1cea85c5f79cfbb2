import { expect, test } from "bun:test";
import { createTarParser } from "../../../formats/tar/parser.ts";
import { CHUNK_BYTES, type ChunkOutput, TarWriter } from "./tar-writer.ts";

/** Keeps what it gets, and takes the memory of each chunk away, as a thread does that hands it over. */
function detaching(): ChunkOutput & { all: () => Buffer; lengths: number[] } {
  const kept: Uint8Array[] = [];
  const lengths: number[] = [];
  let chunk = new Uint8Array(0);
  return {
    lengths,
    all: () => Buffer.concat(kept),
    begin: () => {
      chunk = new Uint8Array(CHUNK_BYTES);
      return chunk;
    },
    emit: (length) => {
      lengths.push(length);
      kept.push(structuredClone(chunk, { transfer: [chunk.buffer] }).subarray(0, length));
    },
  };
}

test("an archive is the same however its entries lie on the chunks, whose memory goes as soon as they are full", () => {
  const output = detaching();
  const writer = new TarWriter(output);
  const names = Array.from({ length: 1500 }, (_, at) => `file-${at}`);
  for (const name of names)
    writer.header({ type: "file", name, mode: 0o644, sizeBytes: 0, modifiedAt: { seconds: 1n, nanoseconds: 0 } });
  writer.end();
  const found: string[] = [];
  const parser = createTarParser({
    entry: ({ name }) => void found.push(name.toString()),
    data: () => undefined,
    close: () => undefined,
  });
  parser.push(output.all());
  parser.end();
  expect(found).toEqual(names);
  // 512 headers fill a chunk to the last byte.
  expect(output.lengths).toEqual([CHUNK_BYTES, CHUNK_BYTES, 478 * 512]);
});
