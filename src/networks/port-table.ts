import { EngineError } from "../base/errors.ts";
import { SystemError } from "../kernel/errno.ts";
import { formatIpv4, type Ipv4, ipv4Bytes } from "./ipv4.ts";
import type { PortBinding } from "./networks.ts";

type Protocol = PortBinding["protocol"];

/** The kernel's part: a bound socket, or undefined where the protocol has none. Throws SystemError. */
export interface PortKernel {
  reserve(protocol: Protocol, address: Uint8Array, port: number): number | undefined;
  close(fd: number): void;
}

export interface Reservation {
  protocol: Protocol;
  /** 0: every address. */
  address: Ipv4;
  port: number;
  fd: number | undefined;
}

/** First and last port of the host's own range, from which port 0 is served as with Docker. */
export interface DynamicRange {
  first: number;
  last: number;
}

const REASONS: Record<string, string> = {
  EADDRINUSE: "address already in use",
  EADDRNOTAVAIL: "cannot assign requested address",
  EACCES: "permission denied",
};

/** Which container has which port of the host. Ports of other programs are found out by binding them. */
export class PortTable {
  readonly #kernel: PortKernel;
  readonly #range: DynamicRange;
  readonly #taken = new Map<string, Set<Ipv4>>();
  #lastDynamic: number;

  constructor(kernel: PortKernel, range: DynamicRange) {
    this.#kernel = kernel;
    this.#range = range;
    this.#lastDynamic = range.last;
  }

  /** One free port of the binding's range. Throws EngineError in Docker's words when there is none. */
  reserve(binding: PortBinding, address: Ipv4): Reservation {
    const { protocol, hostPortFirst: first, hostPortLast: last } = binding;
    if (first === 0) return this.#reserveDynamic(protocol, address);
    if (first === last) return this.#bind(protocol, address, first);
    for (let port = first; port <= last; port++) {
      const reservation = this.#tryBind(protocol, address, port);
      if (reservation !== undefined) return reservation;
    }
    throw new EngineError("internal", `all ports are allocated`);
  }

  /** A port that a running container's launcher holds already. */
  adopt(protocol: Protocol, address: Ipv4, port: number): void {
    this.#entry(protocol, port).add(address);
  }

  release({ protocol, address, port }: Omit<Reservation, "fd">): void {
    const key = `${protocol}/${port}`;
    const addresses = this.#taken.get(key);
    addresses?.delete(address);
    if (addresses?.size === 0) this.#taken.delete(key);
  }

  #reserveDynamic(protocol: Protocol, address: Ipv4): Reservation {
    const { first, last } = this.#range;
    for (let step = 0; step <= last - first; step++) {
      this.#lastDynamic = this.#lastDynamic >= last ? first : this.#lastDynamic + 1;
      const reservation = this.#tryBind(protocol, address, this.#lastDynamic);
      if (reservation !== undefined) return reservation;
    }
    throw new EngineError("internal", `all ports are allocated`);
  }

  /** Undefined when somebody has the port; any other failure is the caller's. */
  #tryBind(protocol: Protocol, address: Ipv4, port: number): Reservation | undefined {
    if (this.#isTaken(protocol, address, port)) return undefined;
    try {
      return this.#bindSocket(protocol, address, port);
    } catch (error) {
      if (error instanceof SystemError && error.code === "EADDRINUSE") return undefined;
      throw bindFailure(error, protocol, address, port);
    }
  }

  #bind(protocol: Protocol, address: Ipv4, port: number): Reservation {
    if (this.#isTaken(protocol, address, port))
      throw new EngineError("internal", `Bind for ${formatIpv4(address)}:${port} failed: port is already allocated`);
    try {
      return this.#bindSocket(protocol, address, port);
    } catch (error) {
      throw bindFailure(error, protocol, address, port);
    }
  }

  #bindSocket(protocol: Protocol, address: Ipv4, port: number): Reservation {
    const fd = this.#kernel.reserve(protocol, ipv4Bytes(address), port);
    this.#entry(protocol, port).add(address);
    return { protocol, address, port, fd };
  }

  #isTaken(protocol: Protocol, address: Ipv4, port: number): boolean {
    const addresses = this.#taken.get(`${protocol}/${port}`);
    return addresses !== undefined && (address === 0 || addresses.has(0) || addresses.has(address));
  }

  #entry(protocol: Protocol, port: number): Set<Ipv4> {
    const key = `${protocol}/${port}`;
    const addresses = this.#taken.get(key) ?? new Set();
    this.#taken.set(key, addresses);
    return addresses;
  }
}

function bindFailure(error: unknown, protocol: Protocol, address: Ipv4, port: number): unknown {
  if (!(error instanceof SystemError)) return error;
  const reason = REASONS[error.code] ?? error.code;
  return new EngineError("internal", `failed to bind host port ${formatIpv4(address)}:${port}/${protocol}: ${reason}`, {
    cause: error,
  });
}
