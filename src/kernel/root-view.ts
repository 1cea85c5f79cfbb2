import { CLONE_FS, CLONE_NEWNS, changeDirectory, enterRoot, mount, unshareMounts } from "./confine.ts";
import { AT_FDCWD, closeFd, O_DIRECTORY, O_PATH, O_RDONLY, openAt, S_IFDIR, S_IFMT, statFd } from "./files.ts";
import { cstring, ptr, syscall, trySyscall } from "./libc.ts";
import { makeScratchRoot } from "./scratch-root.ts";
import {
  attach,
  openFileSystem,
  openSource,
  setAttributes,
  type ViewAttributes,
  type ViewMount,
} from "./view-mounts.ts";
import { openTarget } from "./view-target.ts";

/** What a thread can take as its root: plain data, for requests to workers. */
export type RootView =
  /** What the process of a pidfd sees. `bare`: without what is mounted over its root. */
  | { kind: "task"; pidfd: number; bare: boolean }
  /**
   * An overlay with mounts over it; paths are relative to `cwd`, `target` is an empty directory. `scratch`: `data` names only lower
   * directories; what the mounts need made is made in memory, over the topmost of them (`top`).
   */
  | {
      kind: "overlay";
      cwd: string;
      data: string;
      target: string;
      scratch: { top: string } | undefined;
      mounts: ViewMount[];
    }
  | { kind: "directory"; path: string };

export interface EnteredView {
  /** The root, open for reading. Closed by `leave`. */
  root: number;
  /** Back to the host's view. All other descriptors into the view must be closed: then its mounts are gone when this returns. */
  leave(): void;
}

const OPEN_TREE_CLONE = 1;
const OPEN_TREE_CLOEXEC = 0o2000000;

/**
 * Gives the calling thread the view as its root, in a mount namespace of its own: nothing of it is seen by anybody else. Devices
 * cannot be opened there and programs not started; without `writable` nothing can be changed. Only for a worker that is thrown away
 * afterwards and has loaded every module it needs.
 */
export function enterRootView(view: RootView, { writable }: { writable: boolean }): EnteredView {
  const home = openAt(AT_FDCWD, "/proc/thread-self/ns/mnt", O_RDONLY);
  let root = -1;
  const leave = () => {
    if (root >= 0) closeFd(root);
    root = -1;
    // Fails only where the thread never left.
    trySyscall("setns", home, CLONE_NEWNS);
    closeFd(home);
  };
  try {
    enter(view, { readOnly: !writable, noSuid: true, noDev: true, noExec: true });
    root = openAt(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY);
    return { root, leave };
  } catch (error) {
    leave();
    throw error;
  }
}

function enter(view: RootView, attributes: ViewAttributes): void {
  switch (view.kind) {
    case "task":
      syscall("unshare", "CLONE_FS", CLONE_FS);
      syscall("setns", "mount namespace of the container", view.pidfd, CLONE_NEWNS);
      if (view.bare) return enterCopy("/", attributes);
      unshareMounts();
      setAttributes(AT_FDCWD, "/", { attributes, recursive: true });
      return;
    case "directory":
      unshareMounts();
      return enterCopy(view.path, attributes);
    case "overlay":
      unshareMounts();
      enterOverlay(view);
      setAttributes(AT_FDCWD, "/", { attributes, recursive: true });
  }
}

/** The directory's mount without what is mounted below. */
function enterCopy(path: string, attributes: ViewAttributes): void {
  const bytes = cstring(path);
  const copy = syscall("open_tree", path, AT_FDCWD, ptr(bytes), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  try {
    setAttributes(copy, "", { attributes, recursive: false });
    enterRoot(copy);
  } finally {
    closeFd(copy);
  }
}

function enterOverlay({ cwd, data, target, scratch, mounts }: Extract<RootView, { kind: "overlay" }>): void {
  const sources = mounts.flatMap((wanted) => {
    const fd = wanted.kind === "fs" ? openFileSystem(wanted) : openSource(wanted);
    return fd === undefined ? [] : [{ fd, wanted }];
  });
  try {
    changeDirectory(cwd);
    const upper = scratch === undefined ? undefined : makeScratchRoot(target, scratch.top);
    mount("overlay", target, "overlay", { flags: 0, data: upper === undefined ? data : `${data},${upper.options}` });
    const root = openAt(AT_FDCWD, target, O_PATH | O_DIRECTORY);
    try {
      for (const { fd, wanted } of sources) attachInRoot(root, fd, wanted);
      upper?.finish();
      enterRoot(root);
    } finally {
      closeFd(root);
    }
  } finally {
    for (const { fd } of sources) closeFd(fd);
  }
}

function attachInRoot(root: number, source: number, { target, readOnly }: ViewMount): void {
  if (readOnly) setAttributes(source, "", { attributes: { readOnly: true }, recursive: true });
  const isDirectory = (statFd(source).mode & S_IFMT) === S_IFDIR;
  const at = openTarget(root, target, isDirectory ? "directory" : "file");
  try {
    attach(source, at);
  } finally {
    closeFd(at);
  }
}
