import { constants } from "node:os";

const NAMES = new Map<number, string>(Object.entries(constants.errno).map(([name, number]) => [number, name]));

/** What people do something about is said in words. */
const WORDS: Record<string, string> = { ENOSPC: "no space left on device", EDQUOT: "disk quota exceeded" };

/** A system call that failed: `message` is `<call> <path>: <ENAME>`. */
export class SystemError extends Error {
  readonly errno: number;
  readonly code: string;
  constructor(call: string, errno: number, object?: string) {
    const code = errnoName(errno);
    const reason = WORDS[code] ?? code;
    super(object === undefined ? `${call}: ${reason}` : `${call} ${object}: ${reason}`);
    this.name = "SystemError";
    this.errno = errno;
    this.code = code;
  }
}

export function errnoName(errno: number): string {
  return NAMES.get(errno) ?? `errno ${errno}`;
}

export const {
  EPERM,
  ENOENT,
  EINTR,
  EAGAIN,
  EEXIST,
  ENOTDIR,
  EISDIR,
  EINVAL,
  ENOSPC,
  EBUSY,
  EADDRINUSE,
  ESRCH,
  EACCES,
  ELOOP,
  ENXIO,
  EROFS,
  E2BIG,
} = constants.errno;
