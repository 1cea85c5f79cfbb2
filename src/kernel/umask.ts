import { trySyscall } from "./libc.ts";

/** Runs `job` (synchronous) with a file mode mask and puts the old one back. */
export function withUmask<T>(mask: number, job: () => T): T {
  const before = trySyscall("umask", mask);
  try {
    return job();
  } finally {
    trySyscall("umask", before);
  }
}
