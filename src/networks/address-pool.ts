import { EngineError } from "../base/errors.ts";
import { broadcastOf, contains, formatIpv4, type Ipv4, type Subnet } from "./ipv4.ts";

/**
 * The addresses of one network. Given out in ascending order, going on after the last one given, so that an address that was
 * just freed (and stands in neighbours' ARP caches and in half-closed connections) is the last to come again.
 */
export class AddressPool {
  readonly #subnet: Subnet;
  readonly #range: Subnet;
  readonly #used = new Set<Ipv4>();
  #last: Ipv4;

  /** `range`: the part of the subnet that addresses are taken from (--fixed-cidr). */
  constructor(subnet: Subnet, range: Subnet, gateway: Ipv4) {
    this.#subnet = subnet;
    this.#range = range;
    this.#last = range.network;
    this.#used.add(subnet.network).add(broadcastOf(subnet)).add(gateway);
  }

  /** Throws unavailable when none is left. */
  take(): Ipv4 {
    const first = this.#range.network;
    const last = broadcastOf(this.#range);
    if (this.#used.size <= last - first + 3)
      for (let step = 0; step <= last - first; step++) {
        this.#last = this.#last >= last ? first : this.#last + 1;
        if (this.#used.has(this.#last)) continue;
        this.#used.add(this.#last);
        return this.#last;
      }
    throw new EngineError("unavailable", "no available IPv4 addresses on this network's address pools");
  }

  /** One address by name: a running container's, after a restart. Throws conflict when it is taken or not of this subnet. */
  claim(address: Ipv4): void {
    if (!contains(this.#subnet, address))
      throw new EngineError("conflict", `address ${formatIpv4(address)} is not in the network's subnet`);
    if (this.#used.has(address)) throw new EngineError("conflict", "Address already in use");
    this.#used.add(address);
    if (contains(this.#range, address) && address > this.#last) this.#last = address;
  }

  release(address: Ipv4): void {
    this.#used.delete(address);
  }
}
