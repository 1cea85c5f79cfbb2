import { closeSync, read, readSync } from "node:fs";
import { promisify } from "node:util";
import { isKind } from "../../base/errors.ts";
import { detectCompression } from "../../formats/oci/media-types.ts";
import { BLOCK_BYTES } from "../../formats/tar/entry.ts";
import { parseHeader } from "../../formats/tar/header.ts";
import { decompressArchive } from "../../images/load/decompress.ts";

const readAt = promisify(read);
const CHUNK_BYTES = 1 << 18;

/** Whether an open file is a tar archive, plain or compressed. Its name does not matter. Throws not-implemented as `plainArchive`. */
export async function isArchive(fd: number, signal: AbortSignal): Promise<boolean> {
  const head = Buffer.alloc(BLOCK_BYTES);
  const length = readSync(fd, head, 0, BLOCK_BYTES, 0);
  if (detectCompression(head.subarray(0, length)) === "none") return length === BLOCK_BYTES && isTarHeader(head);
  try {
    return isTarHeader(await firstBlock(await plainArchive(fd, signal)));
  } catch (error) {
    signal.throwIfAborted();
    // Damaged, or not what its first bytes say.
    if (isKind(error, "invalid-argument")) return false;
    throw error;
  }
}

/** The plain tar. Throws not-implemented where the host has not the program for it (xz, bzip2). */
export function plainArchive(fd: number, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
  return decompressArchive(contentOf(fd), signal);
}

export function closeFile(fd: number): void {
  if (fd >= 0) closeSync(fd);
}

async function* contentOf(fd: number): AsyncGenerator<Uint8Array> {
  for (let offset = 0; ; ) {
    const { bytesRead, buffer } = await readAt(fd, Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, offset);
    if (bytesRead === 0) return;
    offset += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

async function firstBlock(plain: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  let head = Buffer.alloc(0);
  for await (const bytes of plain) {
    head = Buffer.concat([head, bytes]);
    if (head.length >= BLOCK_BYTES) break;
  }
  return head.subarray(0, BLOCK_BYTES);
}

export function isTarHeader(block: Uint8Array): boolean {
  try {
    return block.length === BLOCK_BYTES && parseHeader(block) !== undefined;
  } catch (error) {
    if (isKind(error, "invalid-argument")) return false;
    throw error;
  }
}
