import { type CliContext, type Command, exactly } from "../command.ts";
import { checkIpAddress, checkLink } from "../container/parse-network.ts";
import type { Parsed } from "../flags/flag-set.ts";
import { INT, listOf, stringOf } from "../flags/flag-types.ts";

export const command: Command = {
  usage: "[OPTIONS] NETWORK CONTAINER",
  short: "Connect a container to a network",
  aliases: ["network connect"],
  flags: [
    { name: "alias", type: listOf("strings"), usage: "Add network-scoped alias for the container" },
    { name: "driver-opt", type: listOf("strings"), usage: "driver options for the network" },
    {
      name: "gw-priority",
      type: INT,
      usage: "Highest gw-priority provides the default gateway. Accepts positive and negative values.",
    },
    { name: "ip", type: stringOf("string", checkIpAddress), usage: 'IPv4 address (e.g., "172.30.100.104")' },
    { name: "ip6", type: stringOf("string", checkIpAddress), usage: 'IPv6 address (e.g., "2001:db8::33")' },
    { name: "link", type: listOf("list", checkLink), usage: "Add link to another container" },
    {
      name: "link-local-ip",
      type: listOf("strings", checkIpAddress),
      usage: "Add a link-local address for the container",
    },
  ],
  arity: exactly(2),
  examples: [["network connect --alias db backend postgres1", "Others on `backend` find it as `db`"]],
  run: connectContainer,
};

async function connectContainer(context: CliContext, flags: Parsed): Promise<number> {
  const [network = "", container = ""] = flags.arguments;
  const json = { Container: container, EndpointConfig: endpointConfig(flags) };
  const transport = await context.connect();
  await transport.call("POST", `/networks/${encodeURIComponent(network)}/connect`, { json });
  return 0;
}

function endpointConfig(flags: Parsed): Record<string, unknown> {
  const commaSeparated = (name: string) => flags.list(name).flatMap((text) => text.split(","));
  const links = flags.list("link");
  const [ipv4, ipv6, linkLocal] = [flags.string("ip"), flags.string("ip6"), commaSeparated("link-local-ip")];
  const ipam = {
    ...(ipv4 === "" ? {} : { IPv4Address: ipv4 }),
    ...(ipv6 === "" ? {} : { IPv6Address: ipv6 }),
    ...(linkLocal.length === 0 ? {} : { LinkLocalIPs: linkLocal }),
  };
  return {
    IPAMConfig: ipam,
    Links: links.length === 0 ? null : links,
    Aliases: commaSeparated("alias"),
    DriverOpts: driverOptions(commaSeparated("driver-opt")),
    GwPriority: Number(flags.string("gw-priority") || 0),
  };
}

function driverOptions(pairs: readonly string[]): Record<string, string> {
  const options: Record<string, string> = {};
  for (const pair of pairs) {
    const equals = pair.indexOf("=");
    if (equals <= 0) throw new Error("invalid key/value pair format in driver options");
    options[pair.slice(0, equals)] = pair.slice(equals + 1);
  }
  return options;
}
