import { badTar } from "../../../formats/tar/entry.ts";
import { closeFd, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, openAt, S_IFDIR, S_IFMT, statAt } from "../../../kernel/files.ts";
import { names } from "../../../kernel/trees.ts";
import type { ChangeVisitor } from "../changes/change-walk.ts";
import { isOpaque, isWhiteout } from "../merged-view.ts";
import { MAX_PATH_BYTES, MAX_PATH_DEPTH } from "../unpack/limits.ts";

const SLASH = Buffer.from("/");
const EMPTY = Buffer.alloc(0);

/**
 * All that a layer's own directory holds, in the order of the names' bytes, without a look at the layers below: the same directory
 * gives the same answer wherever it stands. Synchronous: for workers.
 */
export function walkLayer(root: number, visitor: Required<ChangeVisitor>): void {
  walk(root, { path: EMPTY, depth: 0 }, visitor);
}

function walk(fd: number, at: { path: Buffer; depth: number }, visitor: Required<ChangeVisitor>): void {
  if (at.depth > MAX_PATH_DEPTH) throw badTar(`more than ${MAX_PATH_DEPTH} nested directories`);
  for (const name of names(fd).sort((left, right) => left.compare(right))) {
    const status = statAt(fd, name);
    if (status === undefined) continue;
    const path = at.path.length === 0 ? name : Buffer.concat([at.path, SLASH, name]);
    if (path.length > MAX_PATH_BYTES) throw badTar(`a path is longer than ${MAX_PATH_BYTES} bytes`);
    if (isWhiteout(status)) {
      visitor.change("deleted", path, undefined);
      continue;
    }
    visitor.change("added", path, { directory: fd, name, status });
    if ((status.mode & S_IFMT) !== S_IFDIR) continue;
    const child = openAt(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try {
      if (isOpaque(child)) visitor.opaque(path);
      walk(child, { path, depth: at.depth + 1 }, visitor);
    } finally {
      closeFd(child);
    }
  }
}
