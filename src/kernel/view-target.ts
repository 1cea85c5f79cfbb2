import { EEXIST, ENOENT, SystemError } from "./errno.ts";
import {
  closeFd,
  makeDirAt,
  makeNodeAt,
  O_DIRECTORY,
  O_PATH,
  O_RDONLY,
  openAt,
  readLinkInRoot,
  S_IFREG,
  statFd,
  timesFd,
  tryOpenInRoot,
} from "./files.ts";

type Kind = "directory" | "file";

/** Links to nothing on the way to one target; as the kernel's MAXSYMLINKS. */
const MAX_LINKS = 40;

/**
 * What a mount is attached to: `path` inside `root`, made where it is missing, at the end of links that lead to nothing too, as a
 * start makes it. Directories in which something is made keep their times. Throws SystemError.
 */
export function openTarget(root: number, path: string, kind: Kind): number {
  let wanted = path;
  for (let links = 0; links < MAX_LINKS; links++) {
    const fd = tryOpenInRoot(root, wanted, O_PATH);
    if (fd >= 0) return fd;
    if (fd !== -ENOENT) throw new SystemError("openat2", -fd, wanted);
    wanted = makeMissing(root, wanted, kind);
  }
  throw new SystemError("openat2", ENOENT, path);
}

/** Makes the first component that is missing. Returns the path to go on with: another one where that was a link to nothing. */
function makeMissing(root: number, path: string, kind: Kind): string {
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
    const target = readLinkInRoot(root, prefix);
    if (target !== undefined) {
      const rest = components.slice(count).join("/");
      return target.startsWith("/") ? `${target}/${rest}` : `${parent}/${target}/${rest}`;
    }
    const name = components[count - 1] as string;
    makeIn(root, parent, { name, kind: count < components.length ? "directory" : kind });
  }
  return path;
}

function makeIn(root: number, parent: string, { name, kind }: { name: string; kind: Kind }): void {
  const found = tryOpenInRoot(root, parent, O_RDONLY | O_DIRECTORY);
  if (found < 0) throw new SystemError("openat2", -found, parent);
  try {
    const { modifiedSeconds: seconds, modifiedNanoseconds: nanoseconds } = statFd(found);
    if (kind === "directory") makeDirAt(found, name, 0o755);
    else makeNodeAt(found, name, S_IFREG | 0o644, { major: 0, minor: 0 });
    keepTimes(found, { seconds, nanoseconds });
  } catch (error) {
    // Somebody else made it, in a volume that others have: the next look finds it.
    if (!(error instanceof SystemError) || error.errno !== EEXIST) throw error;
  } finally {
    closeFd(found);
  }
}

/** A directory that was copied up has another inode now: it is opened again. */
function keepTimes(directory: number, time: { seconds: bigint; nanoseconds: number }): void {
  const again = openAt(directory, ".", O_RDONLY | O_DIRECTORY);
  try {
    timesFd(again, time, time);
  } finally {
    closeFd(again);
  }
}
