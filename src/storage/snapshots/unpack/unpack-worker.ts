import { messageOf } from "../../../base/errors.ts";
import { createDigestStream } from "../../../formats/oci/digest.ts";
import { type Compression, detectCompression } from "../../../formats/oci/media-types.ts";
import { badTar } from "../../../formats/tar/entry.ts";
import { createTarParser } from "../../../formats/tar/parser.ts";
import { confineThread } from "../../../kernel/confine.ts";
import { AT_FDCWD, closeFd, O_RDONLY, openAt, readFull, setUmask } from "../../../kernel/files.ts";
import { Extractor } from "./extractor.ts";
import { inflate } from "./inflate.ts";
import type { GrowthMessage, UnpackReply, UnpackRequest } from "./unpack.ts";

declare const self: Worker;

/** Bytes read at once: few system calls, and the digest and the parser work on what is in the cache. */
const READ_BYTES = 1 << 18;
const REUSED_BYTES = 1 << 20;
/** How often the main thread is told how far we are. */
const PROGRESS_MS = 100;

self.onmessage = ({ data }: MessageEvent<UnpackRequest>) => {
  const archive = data.growing ? new GrowingEnd() : { availableFrom: async () => Number.POSITIVE_INFINITY };
  self.onmessage = ({ data: state }: MessageEvent<GrowthMessage>) => {
    if (archive instanceof GrowingEnd) archive.update(state);
  };
  run(data, archive).then(
    (reply) => postMessage(reply),
    (error: unknown) => postMessage({ error: messageOf(error) } satisfies UnpackReply),
  );
};

/** How far an archive can be read. */
interface ArchiveEnd {
  /** Bytes beyond `offset` that are there; 0: that was all. Waits for the first of them. */
  availableFrom(offset: number): Promise<number>;
}

/** The end of a file that is still being written. */
class GrowingEnd implements ArchiveEnd {
  #state: GrowthMessage = { availableBytes: 0, complete: false };
  #wake: (() => void) | undefined;

  update(state: GrowthMessage): void {
    this.#state = state;
    this.#wake?.();
    this.#wake = undefined;
  }

  async availableFrom(offset: number): Promise<number> {
    while (this.#state.availableBytes <= offset && !this.#state.complete) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return Math.max(0, this.#state.availableBytes - offset);
  }
}

async function run(request: UnpackRequest, end: ArchiveEnd): Promise<UnpackReply> {
  const fd = openAt(AT_FDCWD, request.archive, O_RDONLY);
  try {
    confineThread(request.directory);
    setUmask(0);
    return await unpack(fd, end, request);
  } finally {
    closeFd(fd);
  }
}

async function unpack(fd: number, end: ArchiveEnd, request: UnpackRequest): Promise<UnpackReply> {
  const stored = createDigestStream(request.algorithm);
  const plain = createDigestStream();
  const buffers: Buffers = { reused: undefined };
  const source = readArchive({ fd, end, buffers }, request);
  const head = await source.next();
  const first = head.done === true ? new Uint8Array(0) : head.value;
  const compression = layerCompression(first);
  const { limits, smallFiles } = request;
  const extractor = new Extractor({
    limits,
    batches: smallFiles !== "one-by-one",
    askForWriter:
      smallFiles === "two-threads"
        ? (shared) => postMessage({ askForWriter: shared } satisfies UnpackReply)
        : undefined,
  });
  const parser = createTarParser(extractor);
  const take = (bytes: Uint8Array) => {
    throwIfCancelled(request);
    plain.update(bytes);
    checkVolume(plain.sizeBytes, stored.sizeBytes, request);
    parser.push(bytes);
  };
  try {
    const isPlain = compression === "none" && request.algorithm === "sha256";
    if (isPlain) {
      take(first);
      buffers.reused = new Uint8Array(REUSED_BYTES);
      for await (const bytes of source) take(bytes);
    } else {
      for await (const bytes of inflate(hashed(first, source, stored), compression)) take(bytes);
    }
    parser.end();
    const { entries, fileBytes, implied } = extractor.finish();
    const diffId = plain.digest();
    return {
      diffId,
      archiveBytes: plain.sizeBytes,
      digest: isPlain ? diffId : stored.digest(),
      sizeBytes: isPlain ? plain.sizeBytes : stored.sizeBytes,
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

/** An inflater keeps a piece while the next is read: then each has a buffer of its own. */
interface Buffers {
  reused: Uint8Array | undefined;
}

/** The archive's bytes as they become readable. */
async function* readArchive(
  { fd, end, buffers }: { fd: number; end: ArchiveEnd; buffers: Buffers },
  request: UnpackRequest,
): AsyncGenerator<Uint8Array> {
  let offset = 0;
  let toldAtMs = performance.now();
  for (;;) {
    const available = await end.availableFrom(offset);
    throwIfCancelled(request);
    if (available === 0) return;
    const buffer = buffers.reused?.subarray(0, available) ?? new Uint8Array(Math.min(READ_BYTES, available));
    const bytes = buffer.subarray(0, readFull(fd, buffer));
    if (bytes.length === 0) return;
    offset += bytes.length;
    yield bytes;
    if (performance.now() - toldAtMs < PROGRESS_MS) continue;
    toldAtMs = performance.now();
    postMessage({ readBytes: offset } satisfies UnpackReply);
  }
}

async function* hashed(
  first: Uint8Array,
  rest: AsyncIterable<Uint8Array>,
  digest: ReturnType<typeof createDigestStream>,
): AsyncGenerator<Uint8Array> {
  digest.update(first);
  yield first;
  for await (const bytes of rest) {
    digest.update(bytes);
    yield bytes;
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
