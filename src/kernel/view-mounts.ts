import { ENOENT, ENOTDIR, SystemError } from "./errno.ts";
import { AT_FDCWD, closeFd, O_PATH, openAt, RESOLVE_BENEATH, RESOLVE_NO_MAGICLINKS, tryOpenAt2 } from "./files.ts";
import { cstring, ptr, syscall, trySyscall } from "./libc.ts";

/** A mount of a view, below its root. Sources are the host's; targets are resolved inside the root. */
export type ViewMount = { target: string; readOnly: boolean } & (
  | {
      kind: "bind";
      source: string;
      /** The part of `source` that is mounted, a relative path within it that somebody hostile may have made. */
      below: string;
      recursive: boolean;
      /** Left out where the source is not there. */
      optional: boolean;
    }
  | { kind: "fs"; fstype: string; source: string; options: string[] }
);

/** Mounts are made detached, as descriptors, and attached to a target that was resolved inside the root. */
export interface ViewAttributes {
  readOnly?: boolean;
  noSuid?: boolean;
  noDev?: boolean;
  noExec?: boolean;
}

const OPEN_TREE_CLONE = 1;
const CLOEXEC = 0o2000000;
const AT_RECURSIVE = 0x8000;
const AT_EMPTY_PATH = 0x1000;
const MOVE_MOUNT_F_EMPTY_PATH = 0x04;
const MOVE_MOUNT_T_EMPTY_PATH = 0x40;
const MOUNT_ATTR_RDONLY = 0x1;
const MOUNT_ATTR_NOSUID = 0x2;
const MOUNT_ATTR_NODEV = 0x4;
const MOUNT_ATTR_NOEXEC = 0x8;
const FSCONFIG_SET_FLAG = 0;
const FSCONFIG_SET_STRING = 1;
const FSCONFIG_CMD_CREATE = 6;

/** Adds the attributes to the mount at `path` (""; the descriptor itself), or to all below it. */
export function setAttributes(
  directory: number,
  path: string,
  { attributes, recursive }: { attributes: ViewAttributes; recursive: boolean },
): void {
  const { readOnly, noSuid, noDev, noExec } = attributes;
  const bits =
    (readOnly === true ? MOUNT_ATTR_RDONLY : 0) |
    (noSuid === true ? MOUNT_ATTR_NOSUID : 0) |
    (noDev === true ? MOUNT_ATTR_NODEV : 0) |
    (noExec === true ? MOUNT_ATTR_NOEXEC : 0);
  // struct mount_attr: attr_set, attr_clr, propagation, userns_fd.
  const change = new BigUint64Array([BigInt(bits), 0n, 0n, 0n]);
  const bytes = cstring(path);
  const flags = (path === "" ? AT_EMPTY_PATH : 0) | (recursive ? AT_RECURSIVE : 0);
  syscall("mount_setattr", path, directory, ptr(bytes), flags, ptr(change), change.byteLength);
}

/** A copy of the mount at the source. undefined: an optional one that is not there. */
export function openSource(wanted: Extract<ViewMount, { kind: "bind" }>): number | undefined {
  const { source, below, recursive, optional } = wanted;
  const bytes = cstring(source);
  const flags = OPEN_TREE_CLONE | CLOEXEC | (recursive ? AT_RECURSIVE : 0);
  if (below === "") {
    const fd = trySyscall("open_tree", AT_FDCWD, ptr(bytes), flags);
    if (optional && (fd === -ENOENT || fd === -ENOTDIR)) return undefined;
    if (fd < 0) throw new SystemError("open_tree", -fd, source);
    return fd;
  }
  const directory = openAt(AT_FDCWD, source, O_PATH);
  try {
    const found = tryOpenAt2(directory, below, O_PATH, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
    if (found < 0) throw new SystemError("openat2", -found, below);
    const empty = cstring("");
    try {
      return syscall("open_tree", below, found, ptr(empty), flags | AT_EMPTY_PATH);
    } finally {
      closeFd(found);
    }
  } finally {
    closeFd(directory);
  }
}

/** A file system of its own, such as an NFS share. */
export function openFileSystem({ fstype, source, options }: Extract<ViewMount, { kind: "fs" }>): number {
  const type = cstring(fstype);
  const context = syscall("fsopen", fstype, ptr(type), 1);
  try {
    const set = (key: string, value: string | undefined) => {
      const [keyBytes, valueBytes] = [cstring(key), cstring(value ?? "")];
      const command = value === undefined ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
      const given = value === undefined ? 0 : ptr(valueBytes);
      syscall("fsconfig", `${key} of ${fstype}`, context, command, ptr(keyBytes), given, 0);
    };
    set("source", source);
    for (const option of options) {
      const [key = "", value] = option.split(/=(.*)/s);
      set(key, value);
    }
    syscall("fsconfig", `${fstype} on ${source}`, context, FSCONFIG_CMD_CREATE, 0, 0, 0);
    return syscall("fsmount", fstype, context, 1, 0);
  } finally {
    closeFd(context);
  }
}

export function attach(source: number, target: number): void {
  const empty = cstring("");
  const flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  syscall("move_mount", `fd ${target}`, source, ptr(empty), target, ptr(empty), flags);
}
