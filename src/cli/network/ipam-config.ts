import { type Prefix, parsePrefix, prefixContains } from "./prefix.ts";

export interface WireIpamConfig {
  Subnet: string;
  IPRange?: string;
  Gateway?: string;
  AuxiliaryAddresses?: Record<string, string>;
}

export interface IpamFlags {
  subnets: string[];
  ranges: string[];
  gateways: string[];
  /** Name → address. */
  auxiliary: Record<string, string>;
}

/**
 * Ranges, gateways and auxiliary addresses go to the subnet that holds them. Throws in Docker's words where subnets overlap or
 * an address has none. Pure.
 */
export function ipamConfig(flags: IpamFlags): WireIpamConfig[] {
  if (flags.subnets.length < flags.ranges.length || flags.subnets.length < flags.gateways.length) {
    throw new Error("every ip-range or gateway must have a corresponding subnet");
  }
  const subnets = flags.subnets.map((text) => ({
    prefix: parsePrefix(text),
    config: { Subnet: text } as WireIpamConfig,
  }));
  for (const [index, { prefix }] of subnets.entries()) {
    if (subnets.slice(0, index).some((other) => overlaps(prefix, other.prefix))) {
      throw new Error("multiple overlapping subnet configuration is not supported");
    }
  }
  const holderOf = (address: string, what: string) => {
    const wanted = parsePrefix(address);
    const found = subnets.find(
      ({ prefix }) => wanted !== undefined && prefix !== undefined && prefixContains(prefix, wanted),
    );
    if (found === undefined) throw new Error(`no matching subnet for ${what} ${address}`);
    return found.config;
  };
  for (const range of flags.ranges) {
    const config = holderOf(range, "range");
    if (config.IPRange !== undefined) throw new Error("cannot configure multiple ranges on the same subnet");
    config.IPRange = range;
  }
  for (const gateway of flags.gateways) {
    const config = holderOf(gateway, "gateway");
    if (config.Gateway !== undefined) throw new Error(`cannot configure multiple gateways on the same subnet`);
    config.Gateway = gateway;
  }
  for (const [name, address] of Object.entries(flags.auxiliary)) {
    (holderOf(address, "aux-address").AuxiliaryAddresses ??= {})[name] = address;
  }
  return subnets.map(({ config }) => config);
}

function overlaps(a: Prefix | undefined, b: Prefix | undefined): boolean {
  return a !== undefined && b !== undefined && (prefixContains(a, b) || prefixContains(b, a));
}
