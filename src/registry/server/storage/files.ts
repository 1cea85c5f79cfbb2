import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, type Stats, statSync, utimesSync } from "node:fs";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Writers meet the collector, which takes away empty directories; each retry means that it came between once more. */
const MAX_DIRECTORY_RACES = 10;

export function isErrno(error: unknown, ...codes: string[]): boolean {
  return codes.includes((error as NodeJS.ErrnoException | undefined)?.code ?? "");
}

/** The outcome of a file operation, or undefined where the file (or its directory) is not there. */
export function unlessMissing<T>(operation: () => T): T | undefined {
  try {
    return operation();
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

export function statFile(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}

export function readIfThere(path: string): Buffer | undefined {
  return unlessMissing(() => readFileSync(path));
}

/** Names in a directory; none where it is missing. */
export function namesIn(path: string): string[] {
  return unlessMissing(() => readdirSync(path)) ?? [];
}

/** Marks a file as used now. False: it is gone, or the collector has it. */
export function touch(path: string): boolean {
  const now = new Date();
  return unlessMissing(() => (utimesSync(path, now, now), true)) ?? false;
}

/** Makes the names in a directory durable. One that the collector took away, empty as it was, holds none. */
export async function syncDirectory(path: string): Promise<void> {
  let directory: FileHandle;
  try {
    directory = await open(path, "r");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return;
    throw error;
  }
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Makes a directory and those above it, for this user only; each new name is durable. */
export async function makeDirectory(path: string): Promise<void> {
  if (statFile(path) !== undefined) return;
  const first = await mkdir(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) {
    await syncDirectory(dirname(made));
  }
}

/** Runs `use`, which needs the directory, and again when the collector (which another writer may have undone) took it away. */
export async function withDirectory<T>(directory: string, use: () => Promise<T>): Promise<T> {
  for (let race = 0; ; race++) {
    try {
      await makeDirectory(directory);
      return await use();
    } catch (error) {
      if (!isErrno(error, "ENOENT") || race >= MAX_DIRECTORY_RACES) throw error;
    }
  }
}

export function temporaryName(temporary: string): string {
  return join(temporary, randomBytes(16).toString("hex"));
}

/** Writes a new file whose bytes are durable; its name is not yet. */
export async function writeTemporary(temporary: string, bytes: Uint8Array, mode = 0o644): Promise<string> {
  const path = temporaryName(temporary);
  const file = await open(path, "wx", mode);
  try {
    await writeFully(file, bytes, 0);
    await file.sync();
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  return path;
}

/** Replaces a small file: readers see the old bytes or the new, and after a crash as well. */
export async function writeDurably(temporary: string, path: string, bytes: Uint8Array): Promise<void> {
  const staged = await writeTemporary(temporary, bytes);
  const directory = dirname(path);
  try {
    await withDirectory(directory, () => rename(staged, path));
  } catch (error) {
    await rm(staged, { force: true });
    throw error;
  }
  await syncDirectory(directory);
}

/** Writes all of `bytes` at `position`; a full disk may take a part of them before it says so. */
export async function writeFully(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let offset = 0; offset < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, offset, bytes.length - offset, position + offset);
    offset += bytesWritten;
  }
}

/** Removes a file. False: it was not there. */
export async function removeFile(path: string): Promise<boolean> {
  try {
    await rm(path);
    return true;
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return false;
    throw error;
  }
}
