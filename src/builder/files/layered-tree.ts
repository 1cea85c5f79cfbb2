import { DT_CHR, DT_UNKNOWN, forEachName, type NameInPlace } from "../../kernel/directory-entries.ts";
import { ELOOP, ENOENT, ENOTDIR, SystemError } from "../../kernel/errno.ts";
import {
  closeFd,
  type FileStatus,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  S_IFDIR,
  S_IFMT,
  statAt,
  statFd,
} from "../../kernel/files.ts";
import { cstring, ptr, trySyscall } from "../../kernel/libc.ts";
import { isOpaque, isWhiteout } from "../../storage/snapshots/merged-view.ts";

/** A directory of a layer, open. `layer`: place of the layer in its tree, topmost 0. */
export interface Part {
  fd: number;
  layer: number;
}

/** A directory of the merged view: those that make it up, topmost first; never none. Whoever opened it closes it. */
export type OpenDirectory = Part[];

/** Something in a directory of the merged view. */
export interface Entry {
  status: FileStatus;
  /** Where it lies. */
  part: Part;
}

/**
 * Stacks of overlay directories, read as the kernel would show them, directory by directory: a name costs no system call of its own.
 * By descriptor, no link is followed.
 */
export function openDirectory(parent: OpenDirectory, name: Uint8Array): OpenDirectory | undefined {
  const parts: Part[] = [];
  const bytes = cstring(name);
  for (const part of parent) {
    const fd = trySyscall("openat", part.fd, ptr(bytes), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (fd === -ENOENT) continue;
    // Something else, or a whiteout: it hides what is below.
    if (fd === -ENOTDIR || fd === -ELOOP) break;
    if (fd < 0) {
      closeDirectory(parts);
      throw new SystemError("openat", -fd, String(name));
    }
    parts.push({ fd, layer: part.layer });
    if (isOpaque(fd)) break;
  }
  return parts.length === 0 ? undefined : parts;
}

export function closeDirectory(directory: OpenDirectory): void {
  for (const { fd } of directory) closeFd(fd);
}

/** What a name of the merged directory is. undefined: nothing. */
export function lookUp(directory: OpenDirectory, name: Uint8Array): Entry | undefined {
  for (const part of directory) {
    const status = statAt(part.fd, name);
    if (status === undefined) continue;
    return isWhiteout(status) ? undefined : { status, part };
  }
  return undefined;
}

export function statusOf(directory: OpenDirectory): FileStatus {
  return statFd((directory[0] as Part).fd);
}

/**
 * Calls `visit` for each name that the merged directory shows. For `visit` hold the rules of `forEachName`: it may not list another
 * directory, and the name is valid during the call only.
 */
export function list(directory: OpenDirectory, visit: (name: NameInPlace, part: Part) => void): void {
  const seen = directory.length > 1 ? new Set<string>() : undefined;
  for (const part of directory) {
    forEachName(part.fd, (name) => {
      if (seen !== undefined) {
        const key = name.bytes().toString("latin1");
        if (seen.has(key)) return;
        seen.add(key);
      }
      if (name.type === DT_CHR || name.type === DT_UNKNOWN) {
        const status = statAt(part.fd, name.bytes());
        if (status === undefined || isWhiteout(status)) return;
        if (name.type === DT_UNKNOWN) name.type = (status.mode & S_IFMT) >> 12;
      }
      visit(name, part);
    });
  }
}

export function isDirectory(status: FileStatus): boolean {
  return (status.mode & S_IFMT) === S_IFDIR;
}
