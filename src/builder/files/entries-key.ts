import type { SourceEntry } from "../results.ts";
import type { EntryTree } from "./entry-tree.ts";
import type { SelectionRules } from "./files-request.ts";
import type { SourcePath } from "./selection.ts";
import { sourceItems } from "./source-items.ts";

/** Lines that are hashed at once: one call costs more than a line. */
const LINES = 2000;

/**
 * Digest of what a selection reads from a file source, out of its table of contents alone: names, kinds, modes, owners, links and
 * contents, no times. Throws not-found for what is not there.
 */
export function entriesKey(tree: EntryTree, source: SourcePath, rules: SelectionRules): string {
  const hasher = new Bun.CryptoHasher("sha256");
  let lines: string[] = [];
  const add = (line: string) => {
    if (lines.push(line) < LINES) return;
    hasher.update(lines.join(""));
    lines = [];
  };
  for (const { name, path, isDirectory, filter } of sourceItems(tree, source, rules)) {
    add(`= ${JSON.stringify(isDirectory ? "" : name)}\n`);
    if (!isDirectory) {
      const entry = tree.entry(path);
      if (entry !== undefined && filter?.takes(name) !== false) add(lineOf(entry, name));
      continue;
    }
    const start = path === "" ? 0 : path.length + 1;
    for (const entry of tree.below(path)) {
      const relative = start === 0 ? entry.path : entry.path.slice(start);
      if (filter === undefined || filter.takes(relative)) add(lineOf(entry, relative));
    }
  }
  hasher.update(lines.join(""));
  return `sha256:${hasher.digest("hex")}`;
}

/** A path has no NUL in it, and digests and device numbers have a form of their own. */
function lineOf(entry: SourceEntry, path: string): string {
  const { type, mode, uid, gid, digest } = entry;
  const rest =
    type === "file" ? digest : type === "symlink" ? entry.linkName : `${entry.deviceMajor}:${entry.deviceMinor}`;
  const line = `${type} ${mode} ${uid} ${gid} ${path}\0${rest}\0`;
  // No line begins with a blank.
  return entry.xattrs === undefined ? line : `${line} ${entry.xattrs}\0`;
}
