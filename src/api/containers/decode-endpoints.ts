import { isIP } from "node:net";
import { invalid } from "../../base/errors.ts";
import type { EndpointSpec } from "../../networks/networks.ts";
import { Fields } from "../fields.ts";

/** `NetworkingConfig.EndpointsConfig`. */
export function decodeEndpoints(entries: [string, unknown][]): Record<string, EndpointSpec> {
  return Object.fromEntries(
    entries.map(([name, value]) => [name, decodeEndpoint(new Fields(value, "EndpointSettings"))]),
  );
}

export function decodeEndpoint(settings: Fields): EndpointSpec {
  const ipam = settings.object("IPAMConfig", "EndpointIPAMConfig");
  const ipv4Address = ipam.string("IPv4Address");
  const ipv6Address = ipam.string("IPv6Address");
  const macAddress = settings.string("MacAddress");
  if (ipv4Address !== "" && isIP(ipv4Address) !== 4) throw invalid(`invalid IPv4 address: ${ipv4Address}`);
  if (ipv6Address !== "" && isIP(ipv6Address) !== 6) throw invalid(`invalid IPv6 address: ${ipv6Address}`);
  if (macAddress !== "" && !/^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i.test(macAddress)) {
    throw invalid(`invalid MAC address: ${macAddress}`);
  }
  return {
    ...(ipv4Address === "" ? {} : { ipv4Address }),
    ...(ipv6Address === "" ? {} : { ipv6Address }),
    aliases: settings.strings("Aliases"),
    links: settings.strings("Links"),
    ...(macAddress === "" ? {} : { macAddress }),
    driverOptions: settings.stringMap("DriverOpts"),
  };
}
