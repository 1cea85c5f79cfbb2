import type { Parsed } from "../flags/flag-set.ts";
import { type NetworkAttachment, parseNetwork } from "./parse-network.ts";

type WireEndpoint = Record<string, unknown>;

/** `HostConfig.NetworkMode`: the first `--network`, or `default`. */
export function networkModeOf(flags: Parsed): string {
  const networks = flags.list("network");
  if (networks.length === 0) return "default";
  return parseNetwork(networks[0] ?? "").target;
}

/**
 * `NetworkingConfig.EndpointsConfig`. The plain flags (--ip, --network-alias, --link, …) belong to the first network; Docker
 * refuses them together with the same field in the long form.
 */
export function endpointsOf(flags: Parsed): Record<string, WireEndpoint> {
  const attachments = flags.list("network").map(parseNetwork);
  for (const attachment of attachments) {
    if (attachment.target === "") throw new Error("no name set for network");
  }
  const names = new Set(attachments.map((attachment) => attachment.target));
  if (names.size < attachments.length) {
    const twice = attachments.find(
      (one, index) => attachments.findIndex((other) => other.target === one.target) < index,
    );
    throw new Error(`network ${JSON.stringify(twice?.target ?? "")} is specified multiple times`);
  }
  for (const attachment of attachments) {
    const special = /^(host|none|container:.*)$/.test(attachment.target);
    if (special && attachments.length > 1) {
      throw new Error("conflicting options: cannot attach both user-defined and non-user-defined network-modes");
    }
  }
  const first = withPlainFlags(attachments[0], flags);
  const all = first === undefined ? attachments : [first, ...attachments.slice(1)];
  return Object.fromEntries(
    all.map((attachment) => [attachment.target, endpoint(attachment, flags, attachment === first)]),
  );
}

/** What Docker calls the field of the long form. */
const PER_NETWORK: Record<string, string> = {
  "network-alias": "alias",
  ip: "IPv4 address",
  ip6: "IPv6 address",
  "mac-address": "MAC address",
  "link-local-ip": "link-local IP addresses",
};

function withPlainFlags(first: NetworkAttachment | undefined, flags: Parsed): NetworkAttachment | undefined {
  const plain = ["ip", "ip6", "network-alias", "link-local-ip", "mac-address"].filter(
    (name) => flags.list(name).length > 0,
  );
  if (plain.length === 0) return first;
  const base = first ?? parseNetwork("default");
  if (plain.includes("network-alias") && !isUserDefined(base.target)) {
    throw new Error("network-scoped aliases are only supported for user-defined networks");
  }
  const clash = (flag: string, own: boolean) => {
    if (!own || !plain.includes(flag)) return;
    throw new Error(`conflicting options: cannot specify both --${flag} and per-network ${PER_NETWORK[flag]}`);
  };
  clash("network-alias", base.aliases.length > 0);
  clash("ip", base.ipv4 !== "");
  clash("ip6", base.ipv6 !== "");
  clash("mac-address", base.macAddress !== "");
  clash("link-local-ip", base.linkLocalIps.length > 0);
  return {
    ...base,
    aliases: [...base.aliases, ...flags.list("network-alias")],
    ipv4: base.ipv4 || flags.string("ip"),
    ipv6: base.ipv6 || flags.string("ip6"),
    linkLocalIps: [...base.linkLocalIps, ...flags.list("link-local-ip")],
    macAddress: base.macAddress || flags.string("mac-address"),
  };
}

function isUserDefined(network: string): boolean {
  return !/^(default|bridge|host|none|container:.*)$/.test(network);
}

function endpoint(attachment: NetworkAttachment, flags: Parsed, first: boolean): WireEndpoint {
  const config: WireEndpoint = {};
  const ipam: Record<string, unknown> = {};
  if (attachment.ipv4 !== "") ipam["IPv4Address"] = attachment.ipv4;
  if (attachment.ipv6 !== "") ipam["IPv6Address"] = attachment.ipv6;
  if (attachment.linkLocalIps.length > 0) ipam["LinkLocalIPs"] = attachment.linkLocalIps;
  if (Object.keys(ipam).length > 0) config["IPAMConfig"] = ipam;
  if (attachment.aliases.length > 0) config["Aliases"] = attachment.aliases;
  if (first && isUserDefined(attachment.target) && flags.list("link").length > 0) config["Links"] = flags.list("link");
  if (attachment.macAddress !== "") config["MacAddress"] = attachment.macAddress;
  if (Object.keys(attachment.driverOptions).length > 0) config["DriverOpts"] = attachment.driverOptions;
  if (attachment.gatewayPriority !== 0) config["GwPriority"] = attachment.gatewayPriority;
  return config;
}
