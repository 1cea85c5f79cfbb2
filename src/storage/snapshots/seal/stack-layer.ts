import { copyAttributes } from "../../../kernel/copy-tree.ts";
import {
  closeFd,
  type FileStatus,
  linkAt,
  makeDirAt,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  openAt,
  S_IFDIR,
  S_IFMT,
  statAt,
} from "../../../kernel/files.ts";
import { names, removeContents, removeTree } from "../../../kernel/trees.ts";
import { setXattrFd } from "../../../kernel/xattr.ts";
import { isOpaque, isWhiteout, OPAQUE_XATTR } from "../merged-view.ts";

const YES = Buffer.from("y");

/**
 * Puts a layer's files over those of another one in `target`, as one layer that shows what both together would: what the upper one
 * hides goes, and stays hidden in layers below. Files get further names, not copies. By descriptor, no link is followed; nobody else
 * writes to either. Synchronous: for workers.
 */
export function stackLayer(source: number, target: number): void {
  for (const name of names(source)) {
    const status = statAt(source, name);
    if (status === undefined) continue;
    const before = statAt(target, name);
    if (isDirectory(status)) stackDirectory({ source, target }, name, { status, before });
    else {
      if (before !== undefined) removeTree(target, name);
      linkAt(source, name, target, name);
    }
  }
}

function stackDirectory(
  at: { source: number; target: number },
  name: Buffer,
  { status, before }: { status: FileStatus; before: FileStatus | undefined },
): void {
  const merges = before !== undefined && isDirectory(before);
  if (before !== undefined && !merges) removeTree(at.target, name);
  if (!merges) makeDirAt(at.target, name, 0o700);
  const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
  const source = openAt(at.source, name, flags);
  try {
    const target = openAt(at.target, name, flags);
    try {
      // What was there hid a directory of this name below it.
      if (before !== undefined && !merges) setXattrFd(target, OPAQUE_XATTR, YES);
      else if (merges && isOpaque(source)) removeContents(target);
      stackLayer(source, target);
      copyAttributes({ source, target }, status);
    } finally {
      closeFd(target);
    }
  } finally {
    closeFd(source);
  }
}

function isDirectory(status: FileStatus): boolean {
  return !isWhiteout(status) && (status.mode & S_IFMT) === S_IFDIR;
}
