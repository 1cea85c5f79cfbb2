import { EAGAIN, EINTR, SystemError } from "../errno.ts";
import { ptr, syscall, trySyscall } from "../libc.ts";
import { type Message, NLMSG_DONE, NLMSG_ERROR, parseError, parseMessages } from "./message-reader.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const MSG_DONTWAIT = 0x40;

const RECEIVE_BUFFER_BYTES = 64 * 1024;
const SOCKET_BUFFER_BYTES = 8 * 1024 * 1024;
const RECEIVE_TIMEOUT_SECONDS = 5;
/** Datagrams of one answer; a dump of a host's links or of 65,535 published ports stays far below. */
const MAX_DATAGRAMS = 20_000;

export const NETLINK_ROUTE = 0;
export const NETLINK_NETFILTER = 12;

/** A request that the kernel refused; the message holds the kernel's own words where it gave some. */
export class NetlinkError extends SystemError {
  constructor(request: string, errno: number, explanation: string) {
    super("netlink", errno, explanation === "" ? request : `${request} (${explanation})`);
    this.name = "NetlinkError";
  }
}

/**
 * Requests to one netlink family in the network namespace of the thread that opened it. The kernel works off requests within
 * sendto(2), so every method is synchronous and its acknowledgements are waiting when it comes to read them.
 */
export class NetlinkSocket {
  #fd: number;
  readonly #buffer = Buffer.alloc(RECEIVE_BUFFER_BYTES);

  constructor(protocol: number) {
    this.#fd = syscall("socket", "netlink", AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    this.#setOption(SOL_SOCKET, SO_RCVTIMEO, timeval(RECEIVE_TIMEOUT_SECONDS));
    this.#setOption(SOL_SOCKET, SO_SNDBUFFORCE, int32(SOCKET_BUFFER_BYTES));
    this.#setOption(SOL_SOCKET, SO_RCVBUFFORCE, int32(SOCKET_BUFFER_BYTES));
    this.#setOption(SOL_NETLINK, NETLINK_EXT_ACK, int32(1));
    this.#setOption(SOL_NETLINK, NETLINK_CAP_ACK, int32(1));
  }

  /** Sends requests of which at least the last asks for an acknowledgement. Throws NetlinkError of the first that failed. */
  execute(requests: Uint8Array, comment: string): void {
    for (const message of this.#exchange(requests)) this.#throwIfRefused(message, comment);
  }

  /** The answers to one request, or to a dump. Throws NetlinkError. */
  query(request: Uint8Array, comment: string): Message[] {
    const answers: Message[] = [];
    this.#send(request);
    for (let datagrams = 0; datagrams < MAX_DATAGRAMS; datagrams++) {
      for (const message of this.#receive(0)) {
        if (message.type === NLMSG_DONE) return answers;
        this.#throwIfRefused(message, comment);
        if (message.type === NLMSG_ERROR) return answers;
        answers.push({ ...message, payload: Buffer.from(message.payload) });
        // Not part of a dump (NLM_F_MULTI): the only answer.
        if ((message.flags & 2) === 0) return answers;
      }
    }
    throw new NetlinkError(comment, EAGAIN, "endless answer");
  }

  close(): void {
    trySyscall("close", this.#fd);
    this.#fd = -1;
  }

  #exchange(requests: Uint8Array): Message[] {
    this.#send(requests);
    const answers: Message[] = [];
    for (let datagrams = 0; datagrams < MAX_DATAGRAMS; datagrams++) {
      const received = this.#receive(answers.length === 0 ? 0 : MSG_DONTWAIT);
      if (received.length === 0) break;
      for (const message of received) answers.push({ ...message, payload: Buffer.from(message.payload) });
    }
    return answers;
  }

  #throwIfRefused(message: Message, comment: string): void {
    if (message.type !== NLMSG_ERROR) return;
    const { errno, explanation } = parseError(message);
    if (errno !== 0) throw new NetlinkError(comment, errno, explanation);
  }

  #send(requests: Uint8Array): void {
    // Leftovers of an exchange that was given up must not pass for answers to this one.
    while (trySyscall("recvfrom", this.#fd, ptr(this.#buffer), this.#buffer.length, MSG_DONTWAIT) > 0);
    for (;;) {
      const sent = trySyscall("sendto", this.#fd, ptr(requests), requests.length);
      if (sent >= 0) return;
      if (sent !== -EINTR) throw new SystemError("sendto", -sent, "netlink");
    }
  }

  #receive(flags: number): Message[] {
    for (;;) {
      const count = trySyscall("recvfrom", this.#fd, ptr(this.#buffer), this.#buffer.length, flags);
      if (count >= 0) return parseMessages(this.#buffer.subarray(0, count));
      if (count === -EAGAIN && flags === MSG_DONTWAIT) return [];
      if (count !== -EINTR) throw new SystemError("recvfrom", -count, "netlink");
    }
  }

  /** Failures are tolerated: an older kernel without an option still answers, in fewer words. */
  #setOption(level: number, option: number, value: Buffer): void {
    trySyscall("setsockopt", this.#fd, level, option, ptr(value), value.length);
  }
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

function timeval(seconds: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeBigInt64LE(BigInt(seconds));
  return bytes;
}
