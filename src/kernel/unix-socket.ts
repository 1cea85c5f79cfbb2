import { chmodSync, closeSync, openSync, unlinkSync } from "node:fs";
import { basename, dirname } from "node:path";
import { EADDRINUSE, SystemError } from "./errno.ts";
import { ptr, syscall, trySyscall } from "./libc.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
/** Of sun_path, its NUL included. */
const MAX_PATH_BYTES = 108;

/** A listening stream socket at `path`, mode 0600, close-on-exec. A socket left there before is replaced. The caller closes it. */
export function listenUnix(path: string, backlog: number): number {
  const fd = syscall("socket", path, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  try {
    withShortPath(path, (short) => bindOver(fd, short, path));
    chmodSync(path, 0o600);
    syscall("listen", path, fd, backlog);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function bindOver(fd: number, short: string, path: string): void {
  const address = socketAddress(short);
  const bound = trySyscall("bind", fd, ptr(address), address.length);
  if (bound === 0) return;
  if (-bound !== EADDRINUSE) throw new SystemError("bind", -bound, path);
  unlinkSync(path);
  syscall("bind", path, fd, ptr(address), address.length);
}

function socketAddress(path: string): Buffer {
  const address = Buffer.alloc(2 + Buffer.byteLength(path) + 1);
  address.writeUInt16LE(AF_UNIX, 0);
  address.write(path, 2);
  return address;
}

/** Calls `use` with a path of the same socket that fits an address: through a descriptor of its directory if need be. */
export function withShortPath<T>(path: string, use: (short: string) => T): T {
  if (Buffer.byteLength(path) < MAX_PATH_BYTES) return use(path);
  const directory = openSync(dirname(path), "r");
  try {
    return use(`/proc/self/fd/${directory}/${basename(path)}`);
  } finally {
    closeSync(directory);
  }
}
