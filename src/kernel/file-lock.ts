import { closeSync, constants, openSync } from "node:fs";
import { EAGAIN, SystemError } from "./errno.ts";
import { trySyscall } from "./libc.ts";

const LOCK_EX = 2;
const LOCK_NB = 4;

/** An exclusive lock on a file for the life of this process; the kernel drops it however the process ends. Undefined: another holds it. */
export function lockFile(path: string): { release(): void } | undefined {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  const result = trySyscall("flock", fd, LOCK_EX | LOCK_NB);
  if (result === 0) return { release: () => closeSync(fd) };
  closeSync(fd);
  if (result === -EAGAIN) return undefined;
  throw new SystemError("flock", -result, path);
}
