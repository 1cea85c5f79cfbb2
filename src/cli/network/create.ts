import { type CliContext, type Command, exactly } from "../command.ts";
import { checkLabel } from "../container/parse-network.ts";
import { toMap } from "../container/read-env.ts";
import type { Flag, Parsed } from "../flags/flag-set.ts";
import { BOOL, type FlagType, listOf, STRING } from "../flags/flag-types.ts";
import { ipamConfig } from "./ipam-config.ts";

const MAP: FlagType = listOf("map");
const STRINGS: FlagType = listOf("strings");

const FLAGS: Flag[] = [
  { name: "attachable", type: BOOL, usage: "Enable manual container attachment" },
  {
    name: "aux-address",
    type: MAP,
    usage: "Auxiliary IPv4 or IPv6 addresses used by Network driver",
    default: "map[]",
  },
  { name: "config-from", type: STRING, usage: "The network from which to copy the configuration" },
  { name: "config-only", type: BOOL, usage: "Create a configuration only network" },
  { name: "driver", short: "d", type: STRING, usage: "Driver to manage the Network", default: "bridge" },
  { name: "gateway", type: STRINGS, usage: "IPv4 or IPv6 Gateway for the master subnet" },
  { name: "ingress", type: BOOL, usage: "Create swarm routing-mesh network" },
  { name: "internal", type: BOOL, usage: "Restrict external access to the network" },
  { name: "ip-range", type: STRINGS, usage: "Allocate container ip from a sub-range" },
  { name: "ipam-driver", type: STRING, usage: "IP Address Management Driver", default: "default" },
  { name: "ipam-opt", type: MAP, usage: "Set IPAM driver specific options", default: "map[]" },
  { name: "ipv4", type: BOOL, usage: "Enable or disable IPv4 address assignment", default: "true" },
  { name: "ipv6", type: BOOL, usage: "Enable or disable IPv6 address assignment" },
  { name: "label", type: listOf("list", checkLabel), usage: "Set metadata on a network" },
  { name: "opt", short: "o", type: MAP, usage: "Set driver specific options", default: "map[]" },
  { name: "scope", type: STRING, usage: "Control the network's scope" },
  { name: "subnet", type: STRINGS, usage: "Subnet in CIDR format that represents a network segment" },
];

export const command: Command = {
  usage: "[OPTIONS] NETWORK",
  short: "Create a network",
  aliases: ["network create"],
  flags: FLAGS,
  arity: exactly(1),
  examples: [
    ["network create backend", "Containers on it reach each other by name"],
    ["network create --internal --subnet 10.9.0.0/24 vault", "Addresses of our choice, and no way out"],
  ],
  run: createNetwork,
};

async function createNetwork(context: CliContext, flags: Parsed): Promise<number> {
  const json = networkBody(flags);
  const transport = await context.connect();
  const answer = await transport.call("POST", "/networks/create", { json });
  await context.io.out(`${(await answer.json<{ Id: string }>()).Id}\n`);
  return 0;
}

function networkBody(flags: Parsed): Record<string, unknown> {
  const commaSeparated = (name: string) => flags.list(name).flatMap((text) => text.split(","));
  const given = (name: string) => (flags.changed(name) ? flags.bool(name) : undefined);
  const from = flags.string("config-from");
  const config = ipamConfig({
    subnets: commaSeparated("subnet"),
    ranges: commaSeparated("ip-range"),
    gateways: commaSeparated("gateway"),
    auxiliary: toMap(flags.list("aux-address")),
  });
  return {
    Driver: flags.string("driver"),
    Scope: flags.string("scope"),
    EnableIPv4: given("ipv4"),
    EnableIPv6: given("ipv6"),
    IPAM: { Driver: flags.string("ipam-driver"), Options: toMap(flags.list("ipam-opt")), Config: config },
    Internal: flags.bool("internal"),
    Attachable: flags.bool("attachable"),
    Ingress: flags.bool("ingress"),
    ConfigOnly: flags.bool("config-only"),
    ConfigFrom: from === "" ? null : { Network: from },
    Options: toMap(flags.list("opt")),
    Labels: toMap(flags.list("label")),
    Name: flags.arguments[0] ?? "",
  };
}
