import { ptr } from "bun:ffi";
import { SystemError } from "./errno.ts";
import { rawSyscall } from "./raw-syscall.ts";

/**
 * The one door to system calls, with up to six machine words. Everything else in `kernel/` is built on it.
 * Buffers passed as words (`ptr(buffer)`) must stay referenced by the caller until the call returns.
 */

type Word = number | bigint;

/** System call numbers of the architectures that Gantry runs on (x86-64 table, asm-generic table). */
const NUMBERS = {
  x64: {
    mount: 165,
    umount2: 166,
    unshare: 272,
    setns: 308,
    pidfd_open: 434,
    pidfd_send_signal: 424,
    memfd_create: 319,
    fcntl: 72,
    openat2: 437,
    openat: 257,
    mkdirat: 258,
    mknodat: 259,
    fchownat: 260,
    unlinkat: 263,
    renameat2: 316,
    linkat: 265,
    symlinkat: 266,
    readlinkat: 267,
    fchmod: 91,
    fchmodat: 268,
    utimensat: 280,
    socket: 41,
    bind: 49,
    listen: 50,
    sendto: 44,
    sendmsg: 46,
    socketpair: 53,
    recvfrom: 45,
    setsockopt: 54,
    close: 3,
    chroot: 161,
    fchdir: 81,
    chdir: 80,
    lsetxattr: 189,
    lgetxattr: 192,
    llistxattr: 195,
    setxattr: 188,
    getxattr: 191,
    listxattr: 194,
    fsetxattr: 190,
    fgetxattr: 193,
    flistxattr: 196,
    fremovexattr: 199,
    bpf: 321,
    statfs: 137,
    syncfs: 306,
    kill: 62,
    getsockname: 51,
    connect: 42,
    poll: 7,
    ftruncate: 77,
    fallocate: 285,
    ioctl: 16,
    getrandom: 318,
    sched_getaffinity: 204,
    copy_file_range: 326,
    fchown: 93,
    prlimit64: 302,
    flock: 73,
    umask: 95,
    lseek: 8,
    getdents64: 217,
    statx: 332,
    fsync: 74,
    read: 0,
    write: 1,
    dup3: 292,
    close_range: 436,
    open_tree: 428,
    move_mount: 429,
    mount_setattr: 442,
    fsopen: 430,
    fsconfig: 431,
    fsmount: 432,
    fstatfs: 138,
  },
  arm64: {
    mount: 40,
    umount2: 39,
    unshare: 97,
    setns: 268,
    pidfd_open: 434,
    pidfd_send_signal: 424,
    memfd_create: 279,
    fcntl: 25,
    openat2: 437,
    openat: 56,
    mkdirat: 34,
    mknodat: 33,
    fchownat: 54,
    unlinkat: 35,
    renameat2: 276,
    linkat: 37,
    symlinkat: 36,
    readlinkat: 78,
    fchmod: 52,
    fchmodat: 53,
    utimensat: 88,
    socket: 198,
    bind: 200,
    listen: 201,
    sendto: 206,
    sendmsg: 211,
    socketpair: 199,
    recvfrom: 207,
    setsockopt: 208,
    close: 57,
    chroot: 51,
    fchdir: 50,
    chdir: 49,
    lsetxattr: 6,
    lgetxattr: 9,
    llistxattr: 12,
    setxattr: 5,
    getxattr: 8,
    listxattr: 11,
    fsetxattr: 7,
    fgetxattr: 10,
    flistxattr: 13,
    fremovexattr: 16,
    bpf: 280,
    statfs: 43,
    syncfs: 267,
    kill: 129,
    getsockname: 204,
    connect: 203,
    poll: -1,
    ftruncate: 46,
    fallocate: 47,
    ioctl: 29,
    getrandom: 278,
    sched_getaffinity: 123,
    copy_file_range: 285,
    fchown: 55,
    prlimit64: 261,
    flock: 32,
    umask: 166,
    lseek: 62,
    getdents64: 61,
    statx: 291,
    fsync: 82,
    read: 63,
    write: 64,
    dup3: 24,
    close_range: 436,
    open_tree: 428,
    move_mount: 429,
    mount_setattr: 442,
    fsopen: 430,
    fsconfig: 431,
    fsmount: 432,
    fstatfs: 44,
  },
} as const;

export type Call = keyof (typeof NUMBERS)["x64"];

const numbers: Record<Call, number> = NUMBERS[process.arch === "arm64" ? "arm64" : "x64"];

/** The call's result, or minus errno: for calls whose failure is an answer. */
export function trySyscall(
  call: Call,
  a: Word = 0,
  b: Word = 0,
  c: Word = 0,
  d: Word = 0,
  e: Word = 0,
  f: Word = 0,
): number {
  return Number(rawSyscall(numbers[call], a, b, c, d, e, f));
}

/** The call's result. Throws SystemError; `object` names what it was done to. */
export function syscall(call: Call, object: string, ...words: Word[]): number {
  const [a, b, c, d, e, f] = words;
  const result = trySyscall(call, a, b, c, d, e, f);
  if (result < 0) throw new SystemError(call, -result, object);
  return result;
}

/** A NUL-terminated copy of a path or name. Keep it referenced until the call returns. Throws on an embedded NUL. */
export function cstring(text: string | Uint8Array): Buffer {
  const bytes = typeof text === "string" ? Buffer.from(text) : text;
  if (bytes.includes(0)) throw new SystemError("path", 22, JSON.stringify(String(text)));
  const buffer = Buffer.alloc(bytes.length + 1);
  buffer.set(bytes);
  return buffer;
}

export { ptr };
