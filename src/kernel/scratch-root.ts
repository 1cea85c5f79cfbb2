import { mount } from "./confine.ts";
import { ENOENT, SystemError } from "./errno.ts";
import { AT_FDCWD, makeDirAt, modeAt, ownAt, statAt, timesAt } from "./files.ts";

/** Mount points and their parents only. */
const SIZE = "size=64m";

/**
 * A writable layer in memory below the place of an overlay, which vanishes with the mount namespace. Its root looks like that of
 * `top`, the directory that it covers; `finish` gives it its times back, after everything was made.
 */
export function makeScratchRoot(target: string, top: string): { options: string; finish(): void } {
  const status = statAt(AT_FDCWD, top);
  if (status === undefined) throw new SystemError("statx", ENOENT, top);
  mount("tmpfs", target, "tmpfs", { flags: 0, data: SIZE });
  const [upper, work] = [`${target}/upper`, `${target}/work`];
  for (const path of [upper, work]) makeDirAt(AT_FDCWD, path, 0o700);
  ownAt(AT_FDCWD, upper, status.uid, status.gid);
  modeAt(AT_FDCWD, upper, status.mode);
  const time = { seconds: status.modifiedSeconds, nanoseconds: status.modifiedNanoseconds };
  return {
    options: `upperdir=${upper},workdir=${work}`,
    // By the overlay, which covers the place by now.
    finish: () => timesAt(AT_FDCWD, target, time, time),
  };
}
