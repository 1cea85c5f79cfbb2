import { posix } from "node:path";
import { EngineError, invalid, isKind } from "../../base/errors.ts";
import { decompressArchive } from "../../images/load/decompress.ts";
import { createFileWorkers, type FileWorkers } from "../../storage/snapshots/file-workers.ts";
import type { PackJob } from "../../storage/snapshots/pack/pack.ts";
import type { Core } from "../core.ts";
import type { Entry } from "../entry.ts";
import type { Lifecycle } from "../lifecycle.ts";
import { commitContainer } from "./commit.ts";
import type { ContainerFiles, WriteArchiveOptions } from "./files.ts";
import { layerJob } from "./mount-stubs.ts";
import { assertThere, withView } from "./view.ts";

/** What the engine mounts over the root of each task, and Docker shows as empty. */
const ENGINE_MOUNTS = ["dev", "proc", "sys"];

export function createFiles(core: Core, resolveUser: Lifecycle["resolveUser"]): ContainerFiles {
  const { index } = core;
  const workers = createFileWorkers();
  return {
    async pathStatus(reference, path) {
      const entry = index.find(reference);
      return located(reference, path, async () => {
        const { found } = await packView(core, entry, {
          workers,
          job: { kind: "status", path: absolutePath(path) },
          signal: new AbortController().signal,
        });
        if (found === undefined) throw new Error("no status");
        return found;
      });
    },
    async readArchive(reference, path, signal) {
      const entry = index.find(reference);
      const hidden = ENGINE_MOUNTS.filter(
        (name) => !entry.definition.mounts.some(({ destination }) => destination === `/${name}`),
      );
      const job = { kind: "path", path: absolutePath(path), hidden: entry.task === undefined ? [] : hidden } as const;
      const { found, stream } = await located(reference, path, () => packView(core, entry, { workers, job, signal }));
      if (found === undefined) throw new Error("no status");
      core.publish(entry, "archive-path");
      return { status: found, stream: whole(core, entry, stream) };
    },
    async writeArchive(reference, path, archive, options) {
      const entry = index.find(reference);
      await located(reference, path, () => write(core, entry, { workers, path, archive, options, resolveUser }));
      core.publish(entry, "extract-to-dir");
    },
    async changes(reference) {
      const entry = index.find(reference);
      assertThere(core, entry, "look at changes of");
      const { changes } = await workers.pack(layerJob(core, entry, "changes"), new AbortController().signal);
      assertThere(core, entry, "look at changes of");
      return changes;
    },
    async export(reference, signal) {
      const entry = index.find(reference);
      assertThere(core, entry, "export");
      const { stream } = await withView(core, entry, { writable: false, bare: true }, (view) =>
        workers.pack({ kind: "root", view }, signal),
      );
      core.publish(entry, "export");
      return whole(core, entry, stream);
    },
    commit: (reference, options) => commitContainer(core, index.find(reference), { ...options, workers }),
  };
}

type PathJob = Omit<Extract<PackJob, { kind: "status" }>, "view"> | Omit<Extract<PackJob, { kind: "path" }>, "view">;

interface Look {
  workers: FileWorkers;
  job: PathJob;
  signal: AbortSignal;
}

function packView(core: Core, entry: Entry, { workers, job, signal }: Look) {
  return withView(core, entry, { writable: false, bare: false }, (view) => workers.pack({ ...job, view }, signal));
}

interface Write {
  workers: FileWorkers;
  path: string;
  archive: AsyncIterable<Uint8Array>;
  options: WriteArchiveOptions;
  resolveUser: Lifecycle["resolveUser"];
}

async function write(core: Core, entry: Entry, { workers, path, archive, options, resolveUser }: Write): Promise<void> {
  const { spec } = entry.definition;
  const { keepKinds, ownedByUser, signal } = options;
  const hasUser = ownedByUser && spec.process.user !== "";
  const user = hasUser ? await resolveUser(entry.definition, spec.process.user, false) : undefined;
  const request = {
    path: absolutePath(path),
    readOnlyRoot: spec.security.readOnlyRootfs,
    keepKinds,
    owner: user === undefined ? undefined : { uid: user.uid, gid: user.gid },
  };
  await withView(core, entry, { writable: true, bare: false }, (view) =>
    workers.extract({ ...request, view }, () => decompressArchive(archive, signal), signal),
  );
}

/** A stream that ends well only if the container was there all the time: half of its files may be gone else. */
async function* wholeOf(core: Core, entry: Entry, stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* stream;
  assertThere(core, entry);
}

/** Given back unread, the stream is told so: a generator that never began would not tell. */
function whole(core: Core, entry: Entry, stream: AsyncIterableIterator<Uint8Array>): AsyncIterable<Uint8Array> {
  const checked = wholeOf(core, entry, stream);
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => checked.next(),
      return: async () => {
        await stream.return?.();
        return checked.return(undefined);
      },
    }),
  };
}

async function located<T>(reference: string, path: string, look: () => Promise<T>): Promise<T> {
  try {
    return await look();
  } catch (error) {
    if (!isKind(error, "not-found")) throw error;
    throw new EngineError("not-found", `Could not find the file ${path} in container ${reference}`, { cause: error });
  }
}

/** Cleaned as Docker does it, by the letters; a slash or "/." at the end stays: it asks for the directory. */
export function absolutePath(path: string): string {
  if (path.includes("\0")) throw invalid("a path cannot contain a NUL character");
  const clean = posix.normalize(`/${path}`).replace(/(?<=.)\/$/, "");
  const base = clean === "/" ? "" : clean;
  if (/(^|\/)\.$/.test(path)) return `${base}/.`;
  return path.endsWith("/") ? `${base}/` : clean;
}
