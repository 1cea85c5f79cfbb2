import { randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { conflict, EngineError, messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import type { SourceEntry } from "../results.ts";
import { decodeEntries, encodeEntries, type ManifestHeader } from "./manifest.ts";

const MANIFEST = "manifest";
const FILES = "fs";
/** Directories that are kept for builds to come, and of one client's directory: as many builds of it ran at once. */
const MAX_IDLE = 100;
const MAX_IDLE_OF_ONE = 4;
/** Entries whose tables of contents stay in memory, 300 bytes each. */
const MAX_ENTRIES_IN_MEMORY = 200_000;
const ID_BYTES = 12;

/** A directory of ours that nobody else uses until it is released. */
export interface KeptDirectory {
  readonly id: string;
  /** Where its files are. */
  readonly files: string;
  readonly key: string;
  readonly description: string;
  readonly createdAt: Date;
  lastUsedAt: Date;
  inUse: boolean;
  /** undefined: not in memory. */
  entries: SourceEntry[] | undefined;
}

export interface KeptDirectories {
  /** One that was used for `key` before, or a new one. */
  acquire(key: string, description: string): KeptDirectory;
  /** What is in it; nothing where that is not known for sure. */
  read(directory: KeptDirectory): SourceEntry[];
  /** From here on until `keep` nothing is believed of it. */
  forget(directory: KeptDirectory): void;
  keep(directory: KeptDirectory, entries: SourceEntry[]): void;
  /** `keep` false: it goes. */
  release(directory: KeptDirectory, options: { keep: boolean }): Promise<void>;
  list(): KeptDirectory[];
  /** Throws not-found, or conflict while it is used. */
  remove(id: string): Promise<void>;
}

/**
 * Directories below `root`: `<id>/{fs,manifest}`. One without a whole manifest of this run of the kernel goes at the next start: what a
 * crash or a power cut has left is never taken for a context.
 */
export function openKeptDirectories(deps: { root: string; bootId: string; logger: Logger }): KeptDirectories {
  const { root, bootId, logger } = deps;
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const known = new Map<string, KeptDirectory>();
  const discard = async (id: string) => {
    known.delete(id);
    const trash = id.startsWith("trash-") ? id : `trash-${id}-${randomBytes(4).toString("hex")}`;
    if (trash !== id && existsSync(join(root, id))) renameSync(join(root, id), join(root, trash));
    await rm(join(root, trash), { recursive: true, force: true });
  };
  for (const id of readdirSync(root)) {
    const found = readKept(root, id, bootId);
    if (found !== undefined) known.set(id, found);
    else discard(id).catch((error: unknown) => logger.warn("removing an old context", { id, error: messageOf(error) }));
  }
  const forget = (directory: KeptDirectory) => {
    directory.entries = undefined;
    rmSync(join(root, directory.id, MANIFEST), { force: true });
  };
  return {
    forget,
    acquire(key, description) {
      const idle = newestFirst([...known.values()].filter((one) => !one.inUse && one.key === key));
      const directory = idle[0] ?? make(root, key, description);
      known.set(directory.id, directory);
      directory.inUse = true;
      return directory;
    },
    read(directory) {
      directory.entries ??= readEntries(root, directory, bootId) ?? [];
      return directory.entries;
    },
    keep(directory, entries) {
      const { key, description, createdAt } = directory;
      const path = join(root, directory.id, MANIFEST);
      const header: ManifestHeader = { key, description, bootId, createdAt: createdAt.toISOString() };
      writeFileSync(`${path}.new`, encodeEntries(entries, header), { mode: 0o600 });
      renameSync(`${path}.new`, path);
      directory.entries = entries;
    },
    async release(directory, { keep }) {
      directory.inUse = false;
      directory.lastUsedAt = new Date();
      if (!keep || !existsSync(join(root, directory.id, MANIFEST))) return discard(directory.id);
      utimesSync(join(root, directory.id, MANIFEST), directory.lastUsedAt, directory.lastUsedAt);
      dropEntries(known);
      for (const { id } of superfluous(known, directory.key)) await discard(id);
    },
    list: () => [...known.values()],
    async remove(id) {
      const directory = known.get(id);
      if (directory === undefined) throw new EngineError("not-found", `No such build context: ${id}`);
      if (directory.inUse) throw conflict(`build context ${id} is in use`);
      await discard(id);
    },
  };
}

function make(root: string, key: string, description: string): KeptDirectory {
  const id = randomBytes(ID_BYTES).toString("hex");
  const files = join(root, id, FILES);
  mkdirSync(join(root, id), { mode: 0o700 });
  mkdirSync(files, { mode: 0o755 });
  const now = new Date();
  return { id, files, key, description, createdAt: now, lastUsedAt: now, inUse: false, entries: [] };
}

function readKept(root: string, id: string, bootId: string): KeptDirectory | undefined {
  const decoded = decode(root, id, bootId);
  const { key, description = "", createdAt } = decoded?.header ?? {};
  if (key === undefined || createdAt === undefined) return undefined;
  const lastUsedAt = statSync(join(root, id, MANIFEST)).mtime;
  const files = join(root, id, FILES);
  return { id, files, key, description, createdAt: new Date(createdAt), lastUsedAt, inUse: false, entries: undefined };
}

function readEntries(root: string, { id }: KeptDirectory, bootId: string): SourceEntry[] | undefined {
  return decode(root, id, bootId)?.entries;
}

function decode(root: string, id: string, bootId: string): ReturnType<typeof decodeEntries> {
  const path = join(root, id, MANIFEST);
  const decoded = existsSync(path) ? decodeEntries(readFileSync(path)) : undefined;
  return decoded?.header.bootId === bootId ? decoded : undefined;
}

/** The tables of contents that were used last stay in memory. */
function dropEntries(known: Map<string, KeptDirectory>): void {
  let count = 0;
  for (const directory of newestFirst([...known.values()])) {
    count += directory.entries?.length ?? 0;
    if (count > MAX_ENTRIES_IN_MEMORY && !directory.inUse) directory.entries = undefined;
  }
}

function superfluous(known: Map<string, KeptDirectory>, key: string): KeptDirectory[] {
  const idle = newestFirst([...known.values()].filter(({ inUse }) => !inUse));
  const ofOne = idle.filter((one) => one.key === key).slice(MAX_IDLE_OF_ONE);
  return [...new Set([...ofOne, ...idle.slice(MAX_IDLE)])];
}

function newestFirst(directories: KeptDirectory[]): KeptDirectory[] {
  return directories.sort((one, other) => other.lastUsedAt.getTime() - one.lastUsedAt.getTime());
}
