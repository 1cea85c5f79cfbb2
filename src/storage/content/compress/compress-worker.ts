import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { messageOf } from "../../../base/errors.ts";
import { createDigestStream } from "../../../formats/oci/digest.ts";
import type { CompressReply, CompressRequest } from "./compress.ts";

declare const self: Worker;

/**
 * Plain bytes in one gzip member. A file of several members is a gzip file (RFC 1952 §2.2); each is compressed with all of it at
 * hand, which is several times faster than a stream, and 4 MiB lose next to nothing in size.
 */
const MEMBER_BYTES = 4 << 20;
/** Programs come out 4 % larger than with level 4, and 1.4 times as fast (166 MB/s instead of 114 on one core). */
const LEVEL = 1;

self.onmessage = ({ data }: MessageEvent<CompressRequest>) => postMessage(answer(data));

function answer(request: CompressRequest): CompressReply {
  const source = openSync(request.source, "r");
  try {
    const target = openSync(request.target, "r+");
    try {
      return compress(source, target, request);
    } finally {
      closeSync(target);
    }
  } catch (error) {
    return { error: messageOf(error) };
  } finally {
    closeSync(source);
  }
}

function compress(source: number, target: number, { cancelled }: CompressRequest): CompressReply {
  const digest = createDigestStream();
  const buffer = new Uint8Array(MEMBER_BYTES);
  for (let isFirst = true; ; isFirst = false) {
    if (Atomics.load(cancelled, 0) !== 0) return { error: "cancelled" };
    const length = fill(source, buffer);
    if (length === 0 && !isFirst) break;
    const member = Bun.gzipSync(buffer.subarray(0, length), { level: LEVEL, library: "libdeflate" });
    digest.update(member);
    for (let offset = 0; offset < member.length; ) offset += writeSync(target, member, offset);
    if (length < buffer.length) break;
  }
  return { digest: digest.digest(), sizeBytes: digest.sizeBytes };
}

/** Bytes read: less than the buffer holds only at the end of the file. */
function fill(file: number, buffer: Uint8Array): number {
  let length = 0;
  while (length < buffer.length) {
    const read = readSync(file, buffer, length, buffer.length - length, null);
    if (read === 0) break;
    length += read;
  }
  return length;
}
