import { EADDRINUSE, SystemError } from "./errno.ts";
import { ptr, syscall, trySyscall } from "./libc.ts";

const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_RCVBUF = 8;
const IPPROTO = { tcp: 6, udp: 17, sctp: 132 } as const;
const EPROTONOSUPPORT = 93;
const ESOCKTNOSUPPORT = 94;

/**
 * A bound socket that never listens: it keeps every other program off the port for as long as it is open. Undefined where the
 * kernel has no such protocol (SCTP as a module that is not there), so that nobody else could bind it either. The caller closes
 * it. Throws SystemError: EADDRINUSE, EADDRNOTAVAIL for an address that is not this host's, EACCES.
 */
export function reservePort(protocol: keyof typeof IPPROTO, address: Uint8Array, port: number): number | undefined {
  const type = protocol === "udp" ? SOCK_DGRAM : SOCK_STREAM;
  const fd = trySyscall("socket", AF_INET, type | SOCK_CLOEXEC, IPPROTO[protocol]);
  if (fd === -EPROTONOSUPPORT || fd === -ESOCKTNOSUPPORT) return undefined;
  if (fd < 0) throw new SystemError("socket", -fd, protocol);
  // A datagram that comes before the port is redirected must not pile up here.
  if (protocol === "udp") setOption(fd, SO_RCVBUF, 1);
  const socketAddress = Buffer.alloc(16);
  socketAddress.writeUInt16LE(AF_INET, 0);
  socketAddress.writeUInt16BE(port, 2);
  socketAddress.set(address, 4);
  let result = trySyscall("bind", fd, ptr(socketAddress), socketAddress.length);
  if (result === -EADDRINUSE && protocol === "tcp") {
    // Connections of an earlier server that are in TIME_WAIT do not hold the port against a second try; a listener does.
    setOption(fd, SO_REUSEADDR, 1);
    result = trySyscall("bind", fd, ptr(socketAddress), socketAddress.length);
    setOption(fd, SO_REUSEADDR, 0);
  }
  if (result === 0) return fd;
  closePort(fd);
  throw new SystemError("bind", -result, `${address.join(".")}:${port}/${protocol}`);
}

export function closePort(fd: number): void {
  trySyscall("close", fd);
}

function setOption(fd: number, option: number, value: number): void {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  syscall("setsockopt", `socket option ${option}`, fd, SOL_SOCKET, option, ptr(bytes), bytes.length);
}
