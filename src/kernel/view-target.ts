import { EEXIST, ENOENT, SystemError } from "./errno.ts";
import {
  closeFd,
  makeDirAt,
  makeNodeAt,
  O_DIRECTORY,
  O_PATH,
  O_RDONLY,
  openAt,
  S_IFREG,
  statFd,
  timesFd,
  tryOpenInRoot,
} from "./files.ts";

/**
 * What a mount is attached to: `path` inside `root`, made where it is missing, as a start makes it. Directories in which something
 * is made keep their times. Throws SystemError, also for a link that leads to nothing.
 */
export function openTarget(root: number, path: string, kind: "directory" | "file"): number {
  const found = tryOpenInRoot(root, path, O_PATH);
  if (found >= 0) return found;
  if (found !== -ENOENT) throw new SystemError("openat2", -found, path);
  const components = path.split("/").filter(Boolean);
  for (let count = 1; count <= components.length; count++) {
    const prefix = `/${components.slice(0, count).join("/")}`;
    const fd = tryOpenInRoot(root, prefix, O_PATH);
    if (fd >= 0) {
      closeFd(fd);
      continue;
    }
    if (fd !== -ENOENT) throw new SystemError("openat2", -fd, prefix);
    const parent = `/${components.slice(0, count - 1).join("/")}`;
    makeIn(root, parent, {
      name: components[count - 1] as string,
      kind: count < components.length ? "directory" : kind,
    });
  }
  const made = tryOpenInRoot(root, path, O_PATH);
  if (made < 0) throw new SystemError("openat2", -made, path);
  return made;
}

function makeIn(root: number, parent: string, { name, kind }: { name: string; kind: "directory" | "file" }): void {
  const found = tryOpenInRoot(root, parent, O_RDONLY | O_DIRECTORY);
  if (found < 0) throw new SystemError("openat2", -found, parent);
  try {
    const { modifiedSeconds: seconds, modifiedNanoseconds: nanoseconds } = statFd(found);
    if (kind === "directory") makeDirAt(found, name, 0o755);
    else makeNodeAt(found, name, S_IFREG | 0o644, { major: 0, minor: 0 });
    // A directory that was copied up has another inode now: open it again.
    const again = openAt(found, ".", O_RDONLY | O_DIRECTORY);
    timesFd(again, { seconds, nanoseconds }, { seconds, nanoseconds });
    closeFd(again);
  } catch (error) {
    if (!(error instanceof SystemError) || error.errno !== EEXIST) throw error;
    throw new SystemError("mount target", ENOENT, `${parent}/${name}`);
  } finally {
    closeFd(found);
  }
}
