import { statSync } from "node:fs";
import type { Destination } from "./copy-paths.ts";
import { splitEntry } from "./copy-paths.ts";

/** What is at a local path that is to be written, links followed. Throws in Docker's words where nothing can be written there. */
export function findDestination(path: string): Destination {
  const { directory } = splitEntry(path);
  const parent = statSync(directory, { throwIfNoEntry: false });
  if (parent === undefined) {
    throw new Error(`invalid output path: directory ${JSON.stringify(directory)} does not exist`);
  }
  if (!parent.isDirectory()) throw new Error("not a directory");
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return { path, kind: undefined };
  if (found.isDirectory()) return { path, kind: "directory" };
  if (found.isFile()) return { path, kind: "other" };
  const got = found.isBlockDevice() || found.isCharacterDevice() ? "a device" : "an irregular file";
  throw new Error(`invalid output path: ${JSON.stringify(path)} must be a directory or a regular file: got ${got}`);
}
