import { SystemError } from "./errno.ts";
import { cstring, ptr, syscall, trySyscall } from "./libc.ts";

const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const SIOCGIFINDEX = 0x8933;
const IFREQ_BYTES = 40;
const NAME_BYTES = 16;

/** Answers "which index has this name now?" in one call; made in, and bound to, the network namespace of its maker. */
export class InterfaceIndex {
  readonly #fd = syscall("socket", "interface names", AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  /** 0: there is none. */
  of(name: string): number {
    const request = Buffer.alloc(IFREQ_BYTES);
    const bytes = cstring(name);
    if (bytes.length > NAME_BYTES) throw new SystemError("ioctl", 22, name);
    request.set(bytes);
    return trySyscall("ioctl", this.#fd, SIOCGIFINDEX, ptr(request)) < 0 ? 0 : request.readInt32LE(NAME_BYTES);
  }

  close(): void {
    trySyscall("close", this.#fd);
  }
}
