import { ptr, syscall } from "./libc.ts";

const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_NOSIGNAL = 0x4000;
/** sizeof(struct cmsghdr) on 64-bit machines. */
const HEADER_BYTES = 16;

/** What one message can carry. @see unix(7), SCM_MAX_FD */
export const MAX_PASSED_DESCRIPTORS = 253;

/** Two connected ends that keep message boundaries, close-on-exec. The caller closes them. */
export function createSocketPair(): [number, number] {
  const ends = new Int32Array(2);
  syscall("socketpair", "unix", AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ptr(ends));
  return [ends[0] as number, ends[1] as number];
}

/** Sends `bytes` and copies of descriptors in one message. Throws SystemError when the other end is closed. */
export function passDescriptors(socket: number, bytes: Uint8Array, descriptors: readonly number[]): void {
  const part = new BigUint64Array([BigInt(ptr(bytes)), BigInt(bytes.byteLength)]);
  const length = HEADER_BYTES + descriptors.length * 4;
  const control = new Uint8Array(Math.ceil(length / 8) * 8);
  const fields = new DataView(control.buffer);
  fields.setBigUint64(0, BigInt(length), true);
  fields.setInt32(8, SOL_SOCKET, true);
  fields.setInt32(12, SCM_RIGHTS, true);
  descriptors.forEach((descriptor, index) => fields.setInt32(HEADER_BYTES + index * 4, descriptor, true));
  // struct msghdr: name, name length, parts, their count, control, its length, flags.
  const message = new BigUint64Array([
    0n,
    0n,
    BigInt(ptr(part)),
    1n,
    BigInt(ptr(control)),
    BigInt(control.byteLength),
    0n,
  ]);
  syscall("sendmsg", "descriptors", socket, ptr(message), MSG_NOSIGNAL);
}
