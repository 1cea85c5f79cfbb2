import { mkdirSync } from "node:fs";
import { EBUSY, EINVAL, SystemError } from "./errno.ts";
import { cstring, ptr, trySyscall } from "./libc.ts";

const MNT_DETACH = 2;

/**
 * Makes moving a process into a cgroup cheap on the whole host: by default the kernel waits for an RCU grace period (some
 * 10 ms) at the first move after a pause. The switch is a mount option of any hierarchy, so one of our own, without
 * controllers, is mounted at `directory`. `sticky`: the kernel (6.18 and later) keeps the setting, and nothing stays mounted.
 * False: the kernel has no such option (before 6.0). @see kernel Documentation/admin-guide/cgroup-v2.rst "favordynmods"
 */
export function favourDynamicModifications(directory: string, options: { sticky: boolean }): boolean {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const [source, target, type] = [cstring("gantry"), cstring(directory), cstring("cgroup")];
  const data = cstring("none,name=gantry,favordynmods");
  const result = trySyscall("mount", ptr(source), ptr(target), ptr(type), 0, ptr(data));
  if (result === -EINVAL) return false;
  if (result < 0 && result !== -EBUSY) throw new SystemError("mount", -result, directory);
  if (options.sticky) trySyscall("umount2", ptr(target), MNT_DETACH);
  return true;
}
