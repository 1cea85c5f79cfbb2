import { type FSWatcher, watch } from "node:fs";
import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { findTail, type LogFile, openLogFile, openLogFiles, openSuccessor } from "./log-files.ts";
import { LineReader } from "./read-lines.ts";

/** Where inotify cannot be had (its instances are limited) the file is looked at this often; with it, as a safety net. */
const POLL_MS = 250;
const SAFETY_POLL_MS = 2000;

export interface LogSource {
  path: string;
  /** undefined: everything. */
  tail: number | undefined;
  follow: boolean;
  /** Whether more may come; asked after each end of what is written. */
  isLive: () => boolean;
  /** Settles when `isLive` may have changed. */
  changed: (signal: AbortSignal) => Promise<unknown>;
  signal: AbortSignal;
}

/**
 * The lines of a log in chunks, through its rotations: all that is written, then, when following, all that comes. A chunk is
 * valid until the next is asked for.
 */
export async function* readLog(source: LogSource): AsyncGenerator<Buffer[]> {
  const readers = await openReaders(source.path, source.tail);
  try {
    while (readers.length > 1) {
      const reader = readers[0] as LineReader;
      yield* drain(reader);
      yield* last(reader);
      readers.shift();
      await reader.close();
    }
    if (source.follow) yield* follow(source, readers);
    else if (readers[0] !== undefined) {
      yield* drain(readers[0]);
      yield* last(readers[0]);
    }
  } finally {
    for (const reader of readers) await reader.close();
  }
}

async function openReaders(path: string, tail: number | undefined): Promise<LineReader[]> {
  const files = await openLogFiles(path);
  if (tail === undefined) return files.map((file) => new LineReader(file, 0));
  const readers: LineReader[] = [];
  let missing = tail;
  for (const file of files.toReversed()) {
    const isNewest = readers.length === 0;
    if (missing === 0 && !isNewest) {
      await file.handle.close();
      continue;
    }
    const found = await findTail(file, missing);
    missing -= found.lines;
    readers.unshift(new LineReader(file, found.offset));
  }
  return readers;
}

async function* drain(reader: LineReader): AsyncGenerator<Buffer[]> {
  for (;;) {
    const lines = await reader.next();
    if (lines === undefined) return;
    if (lines.length > 0) yield lines;
  }
}

async function* last(reader: LineReader): AsyncGenerator<Buffer[]> {
  const line = reader.remainder();
  if (line !== undefined) yield [line];
}

/** `readers` holds the one file that is read, so that the caller can close it whatever happens. */
async function* follow(source: LogSource, readers: LineReader[]): AsyncGenerator<Buffer[]> {
  const changes = watchDirectory(dirname(source.path));
  try {
    while (!source.signal.aborted) {
      // Asked before reading: what is written before the end is read after it.
      const isLive = source.isLive();
      const change = changes.next();
      if (readers.length === 0) await openNew(source.path, readers);
      const [reader] = readers;
      if (reader !== undefined) {
        yield* drain(reader);
        const successor = await successorOf(reader, source.path);
        if (successor !== undefined) {
          yield* drain(reader);
          yield* last(reader);
          readers[0] = new LineReader(successor, 0);
          await reader.close();
          continue;
        }
      }
      if (!isLive) {
        if (reader !== undefined) yield* last(reader);
        return;
      }
      await pause(source, change, changes.isWatching ? SAFETY_POLL_MS : POLL_MS);
    }
  } finally {
    changes.close();
  }
}

/** A container that has not started yet has no log. */
async function openNew(path: string, readers: LineReader[]): Promise<void> {
  const file = await openLogFile(path);
  if (file !== undefined) readers.push(new LineReader(file, 0));
}

async function successorOf(reader: LineReader, path: string): Promise<LogFile | undefined> {
  const current = await stat(path, { bigint: true }).catch(() => undefined);
  if (current === undefined || current.ino === reader.inode) return undefined;
  return openSuccessor(path, reader.inode);
}

/** Until something was written, the container ended, the time is up or the client went away. */
async function pause(source: LogSource, change: Promise<void>, timeoutMs: number): Promise<void> {
  const wake = new AbortController();
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, timeoutMs);
  const onAbort = () => resolve();
  source.signal.addEventListener("abort", onAbort, { once: true });
  source.changed(wake.signal).then(onAbort, onAbort);
  change.then(onAbort, onAbort);
  if (source.signal.aborted) resolve();
  await promise;
  clearTimeout(timer);
  source.signal.removeEventListener("abort", onAbort);
  wake.abort();
}

interface Changes {
  isWatching: boolean;
  /** Settles at the first change after the call. */
  next(): Promise<void>;
  close(): void;
}

function watchDirectory(directory: string): Changes {
  let pending = Promise.withResolvers<void>();
  const changes: Changes = {
    isWatching: true,
    next() {
      pending = Promise.withResolvers<void>();
      return pending.promise;
    },
    close: () => watcher?.close(),
  };
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(directory, { persistent: false }, () => pending.resolve());
    watcher.on("error", () => {
      changes.isWatching = false;
    });
  } catch {
    changes.isWatching = false;
  }
  return changes;
}
