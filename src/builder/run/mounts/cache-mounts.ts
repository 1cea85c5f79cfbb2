import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { EngineError, messageOf } from "../../../base/errors.ts";
import type { RootMount } from "../../../storage/snapshots/snapshots.ts";
import type { KeptContext } from "../../contexts/contexts.ts";
import type { RunnerDeps } from "../deps.ts";
import { type CacheInstance, CacheLeases, type Sharing } from "./cache-leases.ts";

/** Directories of `RUN --mount=type=cache`, which outlive their builds. */
export interface CacheMounts {
  /** With sizes: walks the directories. */
  list(): Promise<KeptContext[]>;
  /** Throws not-found, conflict while it is used. */
  remove(id: string): Promise<void>;
}

/** What a cache mount is, but for where it appears. Two with the same value share their files. */
export interface CacheRequest {
  namespace: string;
  id: string;
  /** Of a directory that is made; undefined: 0755 0:0, or as in `seed`. */
  mode: number | undefined;
  uid: number | undefined;
  gid: number | undefined;
  /** What is in it at first. `key` names the content. */
  seed: { key: string; view: RootMount; path: string } | undefined;
}

export interface CacheLease {
  /** Exists, absolute. */
  directory: string;
  release: () => void;
}

export interface CacheUse {
  sharing: Sharing;
  /** Of a directory that is made. */
  description: string;
  signal: AbortSignal;
  /** Called before it waits for another's lock. */
  onWait: () => void;
}

export interface CacheStore extends CacheMounts {
  /** Rejects with the signal's reason, or with not-found where the seed has no such directory. */
  lease(request: CacheRequest, use: CacheUse): Promise<CacheLease>;
}

interface StoredRecord {
  key: string;
  description: string;
  createdAt: string;
}

type Deps = Pick<RunnerDeps, "snapshots" | "copyUp" | "sweep" | "clock" | "logger" | "randomId" | "paths">;

const RECORD = "mount.json";
const FILES = "files";
const DEFAULT_MODE = 0o755;
const ID_DIGITS = 25;
const MAKING = "new-";
const TRASH = "trash";
/** What copies of directories are mounted on, in the copying worker's own namespace. */
const EMPTY = "empty";

/** `<root>/<id>/{files,mount.json}`; the record's time of change is the last use. `<root>/new-*` and `trash/` are on their way. */
export function createCacheMounts(deps: Deps): CacheStore {
  const root = deps.paths.cacheMounts;
  for (const name of ["", TRASH, EMPTY]) mkdirSync(join(root, name), { recursive: true, mode: 0o700 });
  const leases = new CacheLeases();
  for (const instance of readInstances(root, deps)) leases.add(instance);
  void sweepTrash(deps);

  function begin(key: string, request: CacheRequest, { sharing, description }: CacheUse): CacheInstance {
    const now = deps.clock.now();
    const id = deps.randomId().slice(0, ID_DIGITS);
    const ready = make(deps, id, request, { key, description, createdAt: now.toISOString() });
    // Told to everybody who uses it.
    ready.catch(() => undefined);
    const instance = { id, key, description, createdAt: now, lastUsedAt: now, ready };
    leases.add(instance);
    leases.use(id, sharing);
    return instance;
  }

  async function take(key: string, request: CacheRequest, use: CacheUse): Promise<CacheInstance> {
    let taken = leases.take(key, use.sharing);
    if (taken === "wait") use.onWait();
    while (taken === "wait") {
      await leases.available(key, use.signal);
      taken = leases.take(key, use.sharing);
    }
    return taken === "new" ? begin(key, request, use) : taken;
  }

  return {
    async lease(request, use) {
      const instance = await take(keyOf(request), request, use);
      const { id } = instance;
      try {
        await instance.ready;
      } catch (error) {
        leases.release(id);
        if (!leases.isUsed(id)) leases.remove(id);
        throw error;
      }
      const release = () => {
        instance.lastUsedAt = deps.clock.now();
        touch(join(root, id, RECORD), instance.lastUsedAt, deps);
        leases.release(id);
      };
      return { directory: join(root, id, FILES), release };
    },
    list: () =>
      Promise.all(
        leases.all().map(async ({ id, description, createdAt, lastUsedAt }) => {
          const inUse = leases.isUsed(id);
          const sizeBytes = await deps.snapshots.directoryUsage(join(root, id, FILES));
          return { id, description, sizeBytes, inUse, createdAt, lastUsedAt };
        }),
      ),
    async remove(id) {
      if (leases.remove(id) === undefined) throw new EngineError("not-found", `cache mount ${id} not found`);
      discard(deps, id);
    },
  };
}

/** In the order of its fields: what two mounts must have in common. */
function keyOf({ namespace, id, mode, uid, gid, seed }: CacheRequest): string {
  const seeded = seed === undefined ? null : [seed.key, seed.path];
  return JSON.stringify([namespace, id, mode ?? null, uid ?? null, gid ?? null, seeded]);
}

/** Visible by its rename only; what fails half-way is thrown away. */
async function make(deps: Deps, id: string, request: CacheRequest, record: StoredRecord): Promise<void> {
  const directory = join(deps.paths.cacheMounts, MAKING + id);
  mkdirSync(directory, { mode: 0o700 });
  try {
    await fill(deps, join(directory, FILES), request);
    writeFileSync(join(directory, RECORD), JSON.stringify(record), { mode: 0o600 });
    renameSync(directory, join(deps.paths.cacheMounts, id));
  } catch (error) {
    discard(deps, MAKING + id);
    throw error;
  }
}

async function fill(deps: Deps, directory: string, { mode, uid, gid, seed }: CacheRequest): Promise<void> {
  mkdirSync(directory);
  if (seed !== undefined && !(await deps.copyUp(seed.view, seed.path, directory))) {
    throw new EngineError("not-found", `${JSON.stringify(seed.path)}: not found`);
  }
  if (mode !== undefined || seed === undefined) chmodSync(directory, mode ?? DEFAULT_MODE);
  if (uid !== undefined || gid !== undefined) chownSync(directory, uid ?? 0, gid ?? 0);
}

/** What earlier daemons have left: whole ones, and remains of those that were being made. */
function readInstances(root: string, deps: Deps): CacheInstance[] {
  const instances: CacheInstance[] = [];
  for (const id of readdirSync(root)) {
    if (id === TRASH || id === EMPTY) continue;
    try {
      const record = JSON.parse(readFileSync(join(root, id, RECORD), "utf8")) as StoredRecord;
      if (id.startsWith(MAKING)) throw new Error("it was never finished");
      const lastUsedAt = statSync(join(root, id, RECORD)).mtime;
      instances.push({ ...record, id, createdAt: new Date(record.createdAt), lastUsedAt, ready: Promise.resolve() });
    } catch (error) {
      deps.logger.info("removing what is left of a cache mount", { directory: id, why: messageOf(error) });
      renameSync(join(root, id), trashPath(deps, id));
    }
  }
  return instances;
}

function discard(deps: Deps, name: string): void {
  renameSync(join(deps.paths.cacheMounts, name), trashPath(deps, name));
  void sweepTrash(deps);
}

function trashPath({ paths, randomId }: Deps, name: string): string {
  return join(paths.cacheMounts, TRASH, `${name}-${randomId().slice(0, ID_DIGITS)}`);
}

async function sweepTrash({ sweep, paths, logger }: Deps): Promise<void> {
  try {
    await sweep(join(paths.cacheMounts, TRASH));
  } catch (error) {
    logger.warn("deleting cache mounts", { error: messageOf(error) });
  }
}

function touch(path: string, at: Date, { logger }: Deps): void {
  try {
    utimesSync(path, at, at);
  } catch (error) {
    logger.warn("noting the use of a cache mount", { error: messageOf(error) });
  }
}
