import { messageOf } from "../../../base/errors.ts";
import { algorithmOf, createDigestStream } from "../../../formats/oci/digest.ts";
import { ENOENT, SystemError } from "../../../kernel/errno.ts";
import { AT_FDCWD, closeFd, O_NOFOLLOW, O_RDONLY, openAt, readFull } from "../../../kernel/files.ts";
import type { Blob } from "../content.ts";
import type { VerifyReply, VerifyRequest } from "./verify.ts";

declare const self: Worker;

const READ_BYTES = 1 << 20;
const buffer = new Uint8Array(READ_BYTES);

self.onmessage = ({ data }: MessageEvent<VerifyRequest>) => {
  try {
    for (const blob of data.blobs) {
      const fault = faultOf(blob, data.cancelled);
      if (fault !== undefined) reply({ found: { digest: blob.digest, fault } });
    }
    reply({ done: true });
  } catch (error) {
    reply({ error: messageOf(error) });
  }
};

function reply(message: VerifyReply): void {
  postMessage(message);
}

function faultOf(blob: Blob, cancelled: Int32Array): string | undefined {
  const fd = openOrFault(blob);
  if (typeof fd === "string") return fd;
  try {
    const digester = createDigestStream(algorithmOf(blob.digest));
    for (let length = readFull(fd, buffer); length > 0; length = readFull(fd, buffer)) {
      if (Atomics.load(cancelled, 0) !== 0) throw new Error("cancelled");
      digester.update(buffer.subarray(0, length));
      reply({ readBytes: length });
    }
    if (digester.sizeBytes !== blob.sizeBytes) return `has ${digester.sizeBytes} bytes instead of ${blob.sizeBytes}`;
    const actual = digester.digest();
    return actual === blob.digest ? undefined : `has other bytes: they are ${actual}`;
  } catch (error) {
    if (error instanceof SystemError) return `cannot be read: ${error.message}`;
    throw error;
  } finally {
    closeFd(fd);
  }
}

function openOrFault({ path }: Blob): number | string {
  try {
    return openAt(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW);
  } catch (error) {
    if (error instanceof SystemError && error.errno === ENOENT) return "is missing";
    return `cannot be opened: ${messageOf(error)}`;
  }
}
