import { type Command, NO_ARGUMENTS } from "../command.ts";
import { checkFilter, encodeFilters } from "../filters.ts";
import { BOOL, listOf, STRING } from "../flags/flag-types.ts";
import { formatList, type ListLayout } from "../format/list-format.ts";
import { goTime } from "../format/units.ts";
import { FORMAT_USAGE } from "../format/usage.ts";

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

export const command: Command = {
  usage: "[OPTIONS]",
  short: "List networks",
  aliases: ["network ls", "network list"],
  flags: [
    {
      name: "filter",
      short: "f",
      type: listOf("filter", checkFilter),
      usage: 'Provide filter values (e.g. "driver=bridge")',
    },
    { name: "format", type: STRING, usage: FORMAT_USAGE },
    { name: "no-trunc", type: BOOL, usage: "Do not truncate the output" },
    { name: "quiet", short: "q", type: BOOL, usage: "Only display network IDs" },
  ],
  arity: NO_ARGUMENTS,
  async run(context, flags) {
    const transport = await context.connect();
    const answer = await transport.call("GET", "/networks", {
      query: { filters: encodeFilters(flags.list("filter")) },
    });
    const networks = await answer.json<ListedNetwork[]>();
    const noTrunc = flags.bool("no-trunc");
    const rows = networks
      .toSorted((a, b) => (a.Name < b.Name ? -1 : 1))
      .map((network) => {
        const labels = network.Labels ?? {};
        return {
          ID: noTrunc ? network.Id : network.Id.slice(0, 12),
          Name: network.Name,
          Driver: network.Driver,
          Scope: network.Scope,
          IPv4: String(network.EnableIPv4 ?? true),
          IPv6: String(network.EnableIPv6),
          Internal: String(network.Internal),
          Labels: Object.keys(labels)
            .toSorted()
            .map((key) => `${key}=${labels[key]}`)
            .join(","),
          Label: (name: unknown) => labels[String(name)] ?? "",
          CreatedAt: goTime(new Date(network.Created)),
        };
      });
    const quiet = flags.bool("quiet");
    const format = flags.string("format") || (quiet ? "" : ((await context.config()).networksFormat ?? ""));
    await context.io.out(formatList(LAYOUT, rows, { format, quiet }));
    return 0;
  },
};
