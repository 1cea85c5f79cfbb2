import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { invalid } from "../../base/errors.ts";
import { digestOf } from "../../formats/oci/digest.ts";
import { detectCompression } from "../../formats/oci/media-types.ts";
import { BLOCK_BYTES } from "../../formats/tar/entry.ts";
import { decompressArchive, rejoin } from "../../images/load/decompress.ts";
import { extract } from "../../storage/snapshots/extract/extract.ts";
import { UNPACK_LIMITS } from "../../storage/snapshots/unpack/limits.ts";
import { isTarHeader } from "../files/archives.ts";
import type { RunFilesJob } from "../files/run-files-job.ts";
import type { FileSource } from "../results.ts";
import type { ContextOptions, OpenContext } from "./contexts.ts";
import { openDirectoryContext } from "./directory-context.ts";
import { createTransferProgress } from "./transfer-progress.ts";

/** A Dockerfile by itself; no real one is a thousandth of it. */
const MAX_DOCKERFILE_BYTES = 4 << 20;

export interface ArchiveContextDeps {
  run: RunFilesJob;
  /** A directory of this context alone. */
  scratch: string;
  close: () => Promise<void>;
}

/**
 * What came as a stream: an archive, plain or compressed, or a Dockerfile by itself, which its first bytes tell. It is read once, and
 * unpacked when something of it is wanted.
 */
export async function openArchiveContext(
  deps: ArchiveContextDeps,
  { archive, origin }: { archive: AsyncIterable<Uint8Array>; origin: FileSource["origin"] },
  options: ContextOptions,
): Promise<OpenContext> {
  const progress = createTransferProgress(options, "context");
  const { head, whole } = await peek(counted(archive, (bytes) => progress.add(bytes)));
  if (!looksLikeArchive(head)) {
    const onlyDockerfile = await collect(whole);
    progress.done();
    return dockerfileContext(deps, onlyDockerfile, origin);
  }
  return openDirectoryContext({
    ...deps,
    async bring(signal) {
      const directory = join(deps.scratch, "fs");
      mkdirSync(directory, { mode: 0o755 });
      await unpackContext(directory, whole, signal);
      progress.done();
      return { directory, origin };
    },
  });
}

/** Below the directory only, by a thread that has it as its root. Everything belongs to root, as with Docker. */
async function unpackContext(
  directory: string,
  archive: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const view = { kind: "directory", path: directory } as const;
  await extract(
    { view, path: "/", keepKinds: false, owner: { uid: 0, gid: 0 }, readOnlyRoot: false },
    async () => limited(await decompressArchive(archive, signal)),
    signal,
  );
}

async function* limited(plain: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of plain) {
    bytes += chunk.length;
    if (bytes > UNPACK_LIMITS.archiveBytes)
      throw invalid(`build context: larger than ${UNPACK_LIMITS.archiveBytes} bytes`);
    yield chunk;
  }
}

/** Blocks of zeros are an archive of nothing. */
function looksLikeArchive(head: Uint8Array): boolean {
  if (detectCompression(head) !== "none") return true;
  if (head.length < BLOCK_BYTES) return false;
  const block = head.subarray(0, BLOCK_BYTES);
  return isTarHeader(block) || block.every((byte) => byte === 0);
}

/** There is nothing to copy. */
function dockerfileContext(
  { run, scratch, close }: ArchiveContextDeps,
  onlyDockerfile: Uint8Array,
  origin: FileSource["origin"],
): OpenContext {
  const bring = async () => {
    const directory = join(scratch, "fs");
    mkdirSync(directory, { mode: 0o755 });
    return { directory, origin: origin && { ...origin, digest: digestOf(onlyDockerfile) } };
  };
  return { ...openDirectoryContext({ run, scratch, bring, close }), onlyDockerfile };
}

/** The first bytes, and all of them with those. */
async function peek(
  source: AsyncIterable<Uint8Array>,
): Promise<{ head: Uint8Array; whole: AsyncIterable<Uint8Array> }> {
  const iterator = source[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < BLOCK_BYTES) {
    const next = await iterator.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  return { head, whole: rejoin(head, iterator) };
}

async function* counted(source: AsyncIterable<Uint8Array>, add: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  for await (const bytes of source) {
    add(bytes.length);
    yield bytes;
  }
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of source) {
    bytes += part.length;
    if (bytes > MAX_DOCKERFILE_BYTES) throw invalid(`the Dockerfile is larger than ${MAX_DOCKERFILE_BYTES} bytes`);
    parts.push(new Uint8Array(part));
  }
  return Buffer.concat(parts);
}
