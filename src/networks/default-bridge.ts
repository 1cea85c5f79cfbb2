import { invalid, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { BridgeAddress, HostNetwork } from "./host-network.ts";
import { contains, type Ipv4, ipv4Bytes, parseCidr, parseIpv4, type Subnet } from "./ipv4.ts";
import { choosePool } from "./pool-choice.ts";

/** dockerd's options for the default bridge; empty strings mean "not given". */
export interface BridgeOptions {
  bridge: string;
  bip: string;
  fixedCidr: string;
  defaultGateway: string;
  mtu: number;
  interContainerCommunication: boolean;
  publishAddress: string;
  ipForward: boolean;
}

export interface BridgePlan extends BridgeAddress {
  /** Part of the subnet that containers get their addresses from. */
  range: Subnet;
  /** What containers use as their default route. */
  containerGateway: Ipv4;
}

/**
 * Addresses of the default bridge: `--bip`, else what an existing bridge has, else what it had last time if that is still free,
 * else the first of Docker's default pools that no route of the host overlaps.
 */
export function planBridge(options: BridgeOptions, host: HostNetwork, last: Subnet | undefined): BridgePlan {
  const address = chooseAddress(options, host, last);
  const range = options.fixedCidr === "" ? address.subnet : parseCidr(options.fixedCidr).subnet;
  if (!contains(address.subnet, range.network) || range.prefixLength < address.subnet.prefixLength)
    throw invalid(`invalid --fixed-cidr ${options.fixedCidr}: not in the bridge's subnet`);
  const containerGateway = options.defaultGateway === "" ? address.gateway : parseIpv4(options.defaultGateway);
  if (containerGateway === undefined) throw invalid(`invalid --default-gateway ${options.defaultGateway}`);
  return { ...address, range, containerGateway };
}

function chooseAddress(options: BridgeOptions, host: HostNetwork, last: Subnet | undefined): BridgeAddress {
  if (options.bip !== "") {
    const { address, subnet } = parseCidr(options.bip);
    return { gateway: address, subnet };
  }
  const existing = host.addressOf(options.bridge);
  if (existing !== undefined) return existing;
  const taken = host.routes(options.bridge);
  const isFree =
    last !== undefined && !taken.some((route) => contains(route, last.network) || contains(last, route.network));
  const subnet = isFree ? last : choosePool(taken);
  return { gateway: subnet.network + 1, subnet };
}

/**
 * Creates the bridge or completes an existing one, and sets what forwarding needs. Returns its interface index. Idempotent.
 * Throws NetlinkError.
 */
export function ensureBridge(options: BridgeOptions, plan: BridgePlan, host: HostNetwork, log: Logger): number {
  const { bridge } = options;
  if (host.interfaceIndex(bridge) === 0) host.createBridge(bridge, macOf(plan.gateway), options.mtu);
  const sysctl = (key: string, value: string) => {
    try {
      host.writeSysctl(key, value);
    } catch (error) {
      log.warn("cannot set a network sysctl", { key, value, error: messageOf(error) });
    }
  };
  // Before the bridge is up: it must never have had a link-local address, nor listened to a container's router advertisements.
  sysctl(`ipv6/conf/${bridge}/disable_ipv6`, "1");
  sysctl(`ipv6/conf/${bridge}/accept_ra`, "0");
  // For the host's 127.0.0.1 as source of a redirected connection; the raw chain closes what this would open.
  sysctl(`ipv4/conf/${bridge}/route_localnet`, "1");
  if (options.ipForward) sysctl("ipv4/ip_forward", "1");
  host.raiseBridge(bridge, plan);
  return host.interfaceIndex(bridge);
}

/** `02:42` and the address, as Docker does: the same address always has the same MAC, so neighbours' ARP caches stay true. */
export function macOf(address: Ipv4): Uint8Array {
  return Uint8Array.of(0x02, 0x42, ...ipv4Bytes(address));
}
