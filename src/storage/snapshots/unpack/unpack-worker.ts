import { messageOf } from "../../../base/errors.ts";
import { createDigestStream } from "../../../formats/oci/digest.ts";
import { type Compression, detectCompression } from "../../../formats/oci/media-types.ts";
import { badTar } from "../../../formats/tar/entry.ts";
import { createTarParser } from "../../../formats/tar/parser.ts";
import { confineThread } from "../../../kernel/confine.ts";
import { AT_FDCWD, closeFd, O_RDONLY, openAt, readFull, setUmask } from "../../../kernel/files.ts";
import { Extractor } from "./extractor.ts";
import { inflate } from "./inflate.ts";
import type { UnpackReply, UnpackRequest } from "./unpack.ts";

declare const self: Worker;

/** Bytes read at once: few system calls, and the digest and the parser work on what is in the cache. */
const READ_BYTES = 1 << 20;

self.onmessage = ({ data }: MessageEvent<UnpackRequest>) => {
  run(data).then(
    (reply) => postMessage(reply),
    (error: unknown) => postMessage({ error: messageOf(error) } satisfies UnpackReply),
  );
};

async function run(request: UnpackRequest): Promise<UnpackReply> {
  const fd = openAt(AT_FDCWD, request.archive, O_RDONLY);
  try {
    confineThread(request.directory);
    setUmask(0);
    return await unpack(fd, request);
  } finally {
    closeFd(fd);
  }
}

async function unpack(fd: number, request: UnpackRequest): Promise<UnpackReply> {
  const stored = createDigestStream();
  const plain = createDigestStream();
  const buffer = new Uint8Array(READ_BYTES);
  const first = buffer.subarray(0, readFull(fd, buffer));
  const compression = layerCompression(first);
  const extractor = new Extractor(request.limits);
  const parser = createTarParser(extractor);
  const take = (bytes: Uint8Array) => {
    throwIfCancelled(request);
    plain.update(bytes);
    checkVolume(plain.sizeBytes, stored.sizeBytes, request);
    parser.push(bytes);
  };
  try {
    for (
      let bytes = first;
      compression === "none" && bytes.length > 0;
      bytes = buffer.subarray(0, readFull(fd, buffer))
    ) {
      take(bytes);
    }
    if (compression !== "none") {
      for await (const bytes of inflate(readAll(fd, first, stored, request), compression)) take(bytes);
    }
    parser.end();
    const { entries, fileBytes, implied } = extractor.finish();
    const diffId = plain.digest();
    return {
      diffId,
      archiveBytes: plain.sizeBytes,
      digest: compression === "none" ? diffId : stored.digest(),
      sizeBytes: compression === "none" ? plain.sizeBytes : stored.sizeBytes,
      compression,
      entries,
      fileBytes,
      implied,
    };
  } catch (error) {
    extractor.abandon();
    throw error;
  }
}

/** Pieces are copies, since the inflater keeps them while the next is read. */
async function* readAll(
  fd: number,
  first: Uint8Array,
  stored: ReturnType<typeof createDigestStream>,
  request: UnpackRequest,
): AsyncGenerator<Uint8Array> {
  for (let bytes = first.slice(); bytes.length > 0; ) {
    throwIfCancelled(request);
    stored.update(bytes);
    yield bytes;
    const next = new Uint8Array(READ_BYTES / 4);
    bytes = next.subarray(0, readFull(fd, next)) as Uint8Array<ArrayBuffer>;
  }
}

function layerCompression(head: Uint8Array): Compression {
  const compression = detectCompression(head);
  if (compression === "xz" || compression === "bzip2")
    throw badTar(`layers compressed with ${compression} are not supported`);
  return compression;
}

function checkVolume(plainBytes: number, storedBytes: number, { limits }: UnpackRequest): void {
  if (plainBytes > limits.archiveBytes) throw badTar(`more than ${limits.archiveBytes} bytes uncompressed`);
  if (storedBytes > 0 && plainBytes > limits.ratioFromBytes && plainBytes > storedBytes * limits.ratio) {
    throw badTar(`${plainBytes} bytes out of ${storedBytes} compressed ones`);
  }
}

function throwIfCancelled({ cancelled }: UnpackRequest): void {
  if (Atomics.load(cancelled, 0) !== 0) throw new Error("cancelled");
}
