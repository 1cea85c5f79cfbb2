import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { getXattr } from "../../src/kernel/xattr.ts";

const XATTRS = ["trusted.overlay.opaque", "trusted.some", "security.capability"];

/**
 * A line for each thing below `root`: all that a layer can say about it. Hard links are told by the first of their names.
 * `implied`: directories that no entry described. They have the time of their unpacking, like whiteouts.
 */
export function listTree(root: string, implied: Uint8Array[]): string[] {
  const undated = new Set(implied.map((name) => Buffer.from(name).toString()));
  const firstNames = new Map<bigint, string>();
  return [...namesBelow(root, "")].map((name) => {
    const path = join(root, name);
    const status = lstatSync(path, { bigint: true });
    const first = status.isDirectory() ? undefined : (firstNames.get(status.ino) ?? name);
    if (first !== undefined) firstNames.set(status.ino, first);
    // To read is to change it, of a directory, and of a file under another name.
    const accessed = status.isFile() && first === name ? status.atimeNs : undefined;
    const content = status.isSymbolicLink() ? readlinkSync(path) : status.isFile() ? hash(path) : undefined;
    const xattrs = status.isSymbolicLink() ? [] : XATTRS.map((xattr) => getXattr(path, xattr)?.toString());
    const { mode, uid, gid, size, rdev } = status;
    const modified = undated.has(name) || status.isCharacterDevice() ? undefined : status.mtimeNs;
    const links = status.isFile() ? status.nlink : undefined;
    const sizeBytes = status.isDirectory() ? undefined : size;
    return [
      name,
      mode.toString(8),
      uid,
      gid,
      sizeBytes,
      rdev,
      modified,
      accessed,
      links,
      first,
      content,
      ...xattrs,
    ].join(" ");
  });
}

/** Parents first, then by name. Not `recursive` of readdir, which follows symlinks. */
function* namesBelow(root: string, name: string): Generator<string> {
  yield name;
  if (!lstatSync(join(root, name)).isDirectory()) return;
  for (const child of readdirSync(join(root, name)).sort()) yield* namesBelow(root, join(name, child));
}

function hash(path: string): string {
  return Bun.hash(readFileSync(path)).toString(16);
}
