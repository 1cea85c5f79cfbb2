import { randomBytes } from "node:crypto";
import { type FileHandle, open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../../base/clock.ts";
import { algorithmOf, createDigestStream, type Digest, type DigestAlgorithm } from "../../../formats/oci/digest.ts";
import { startWriteBack } from "../../../storage/content/write-back.ts";
import { DistributionError } from "../http/error-codes.ts";
import { isErrno, removeFile, statFile, withDirectory, writeFully } from "./files.ts";
import { createHashStates, type HashStates, hashFile } from "./hash-states.ts";
import type { Layout } from "./layout.ts";
import type { Links } from "./links.ts";

/** 128 bits: nobody guesses the upload of somebody else. */
const ID_BYTES = 16;
const ID = /^[a-f0-9]{32}$/;
const COMPLETE = 0o444;
const LOCK_WAIT_MS = 2_000;
const LOCK_POLL_MS = 20;

/** An exclusive lock on a file that ends with the process; undefined: somebody has it. `kernel/file-lock.ts`. */
export type TryLock = (path: string) => { release(): void } | undefined;

/**
 * Blobs on their way. An upload is one file that only grows, in the directory of its repository: its length is all that is known of
 * it, so any server process can go on with it. Life: `start` → `append`… → `commit` or `cancel`, or it expires.
 * All throw BLOB_UPLOAD_UNKNOWN for an id that this repository has not, and UPLOAD_BUSY while another request writes to it.
 */
export interface Uploads {
  start(repository: string): Promise<string>;
  /** Bytes that are there. */
  sizeOf(repository: string, id: string): number;
  /** Appends what comes; what was written before an error stays, to resume from. Returns the new size. */
  append(repository: string, id: string, part: Part): Promise<number>;
  /** Appends the last part, if any, and makes it a blob of the repository. DIGEST_INVALID removes the upload. */
  commit(repository: string, id: string, last: Part & { digest: Digest }): Promise<void>;
  cancel(repository: string, id: string): Promise<void>;
}

export interface Part {
  body: AsyncIterable<Uint8Array>;
  /** Where the client believes to stand; another size is RANGE_INVALID. */
  offset?: number;
  /** How much it announced; another number is SIZE_INVALID. */
  lengthBytes?: number;
}

interface Deps {
  layout: Layout;
  links: Links;
  lock: TryLock;
  clock: Clock;
}

export function createUploads(deps: Deps): Uploads {
  const states = createHashStates();
  const pathOf = (repository: string, id: string) => {
    const path = ID.test(id) ? join(deps.layout.uploads(repository), id) : undefined;
    if (path === undefined || statFile(path) === undefined) throw new DistributionError("BLOB_UPLOAD_UNKNOWN");
    return path;
  };
  return {
    async start(repository) {
      const directory = deps.layout.uploads(repository);
      const id = randomBytes(ID_BYTES).toString("hex");
      const file = await withDirectory(directory, () => open(join(directory, id), "wx", 0o600));
      await file.close();
      return id;
    },
    sizeOf: (repository, id) => statFile(pathOf(repository, id))?.size ?? 0,
    append: (repository, id, part) =>
      withUpload(deps, pathOf(repository, id), (file, path) => appendPart({ file, path, states }, part, "sha256")),
    commit: (repository, id, last) =>
      withUpload(deps, pathOf(repository, id), async (file, path) => {
        const algorithm = algorithmOf(last.digest);
        const size = await appendPart({ file, path, states }, last, algorithm);
        const state = states.take(path, size, algorithm);
        const actual = state === undefined ? await hashFile(path, algorithm) : state.digest();
        if (actual !== last.digest) {
          await rm(path, { force: true });
          throw new DistributionError("DIGEST_INVALID", { detail: { digest: last.digest, actual } });
        }
        await file.chmod(COMPLETE);
        await file.sync();
        await deps.links.publish(path, { repository, kind: "_blobs" }, last.digest);
      }),
    async cancel(repository, id) {
      const path = pathOf(repository, id);
      states.drop(path);
      if (!(await removeFile(path))) throw new DistributionError("BLOB_UPLOAD_UNKNOWN");
    },
  };
}

/** Opens an upload for this request alone; the lock is on the file, so it holds against other processes too. */
async function withUpload<T>(
  deps: Deps,
  path: string,
  use: (file: FileHandle, path: string) => Promise<T>,
): Promise<T> {
  const lock = await waitForLock(deps, path);
  try {
    const file = await openExisting(path);
    try {
      return await use(file, path);
    } finally {
      await file.close();
    }
  } finally {
    lock.release();
  }
}

async function openExisting(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r+");
  } catch (error) {
    if (isErrno(error, "ENOENT")) throw new DistributionError("BLOB_UPLOAD_UNKNOWN", { cause: error });
    throw error;
  }
}

/** A client that lost its connection comes back before the old request has ended. */
async function waitForLock({ lock, clock }: Deps, path: string): Promise<{ release(): void }> {
  for (let waitedMs = 0; ; waitedMs += LOCK_POLL_MS) {
    const held = lock(path);
    if (held !== undefined) return held;
    if (waitedMs >= LOCK_WAIT_MS) throw new DistributionError("UPLOAD_BUSY");
    await clock.sleep(LOCK_POLL_MS);
  }
}

interface Target {
  file: FileHandle;
  path: string;
  states: HashStates;
}

async function appendPart(target: Target, part: Part, algorithm: DigestAlgorithm): Promise<number> {
  const { size: start } = await target.file.stat();
  if (part.offset !== undefined && part.offset !== start) throw outOfOrder(start);
  const state = start === 0 ? createDigestStream(algorithm) : target.states.take(target.path, start);
  let position = start;
  const writeBack = startWriteBack(target.file);
  try {
    for await (const bytes of part.body) {
      if (part.lengthBytes !== undefined && position - start + bytes.length > part.lengthBytes) throw wrongLength();
      const written = writeFully(target.file, bytes, position);
      state?.update(bytes);
      await written;
      position += bytes.length;
      writeBack.written(bytes.length);
    }
  } finally {
    // Where the disk failed, what the hash has seen is not what the file holds: it is read again.
    if ((await writeBack.settled()) && state !== undefined) target.states.keep(target.path, state);
  }
  if (part.lengthBytes !== undefined && position - start !== part.lengthBytes) throw wrongLength();
  return position;
}

function outOfOrder(size: number): DistributionError {
  return new DistributionError("RANGE_INVALID", { headers: { Range: uploadRange(size) }, detail: { size } });
}

function wrongLength(): DistributionError {
  return new DistributionError("SIZE_INVALID");
}

/** `0-<last byte>`; an empty upload is `0-0`, as clients of Docker's registry expect. */
export function uploadRange(sizeBytes: number): string {
  return `0-${Math.max(0, sizeBytes - 1)}`;
}
