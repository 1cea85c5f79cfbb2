import { type Command, NO_ARGUMENTS } from "../command.ts";
import { BOOL } from "../flags/flag-types.ts";
import type { ListLayout, Row } from "../format/list-format.ts";
import { goTime } from "../format/units.ts";
import { labelCells, listFlags, listVerb } from "../list-verb.ts";

interface ListedNetwork {
  Id: string;
  Name: string;
  Driver: string;
  Scope: string;
  Created: string;
  EnableIPv4?: boolean;
  EnableIPv6: boolean;
  Internal: boolean;
  Labels: Record<string, string> | null;
}

const SHORT_ID = 12;

const LAYOUT: ListLayout = {
  headers: {
    ID: "NETWORK ID",
    Name: "NAME",
    Driver: "DRIVER",
    Scope: "SCOPE",
    IPv4: "IPV4",
    IPv6: "IPV6",
    Internal: "INTERNAL",
    Labels: "LABELS",
    CreatedAt: "CREATED AT",
  },
  table: "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}",
  rowType: "*network.networkContext",
  quiet: "ID",
};

export const command: Command = listVerb<ListedNetwork[], ListedNetwork>(
  {
    usage: "[OPTIONS]",
    short: "List networks",
    aliases: ["network ls", "network list"],
    flags: [
      ...listFlags({ filter: 'Provide filter values (e.g. "driver=bridge")', quiet: "Only display network IDs" }),
      { name: "no-trunc", type: BOOL, usage: "Do not truncate the output" },
    ],
    arity: NO_ARGUMENTS,
    examples: [["network ls --filter driver=bridge", "Networks of one driver"]],
  },
  {
    path: "/networks",
    layout: LAYOUT,
    configured: "networksFormat",
    items: (networks) => networks,
    row: (network, flags) => networkRow(network, flags.bool("no-trunc")),
  },
);

function networkRow(network: ListedNetwork, noTrunc: boolean): Row {
  return {
    ID: noTrunc ? network.Id : network.Id.slice(0, SHORT_ID),
    Name: network.Name,
    Driver: network.Driver,
    Scope: network.Scope,
    IPv4: String(network.EnableIPv4 ?? true),
    IPv6: String(network.EnableIPv6),
    Internal: String(network.Internal),
    ...labelCells(network.Labels),
    get CreatedAt() {
      return goTime(new Date(network.Created));
    },
  };
}
