import { type Command, NO_ARGUMENTS } from "../command.ts";
import { encodeFilters } from "../filters.ts";
import { BOOL, INT } from "../flags/flag-types.ts";
import { containerLayout, containerRow, type ListedContainer } from "../format/container-rows.ts";
import { formatList } from "../format/list-format.ts";
import { listFlags } from "../list-verb.ts";
import { PLAIN, paintStatus } from "../paint.ts";

export const command: Command = {
  usage: "[OPTIONS]",
  short: "List containers",
  aliases: ["container ls", "container list", "container ps", "ps"],
  flags: [
    { name: "all", short: "a", type: BOOL, usage: "Show all containers (default shows just running)" },
    ...listFlags({ filter: "Filter output based on conditions provided", quiet: "Only display container IDs" }),
    {
      name: "last",
      short: "n",
      type: INT,
      usage: "Show n last created containers (includes all states)",
      default: "-1",
    },
    { name: "latest", short: "l", type: BOOL, usage: "Show the latest created container (includes all states)" },
    { name: "no-trunc", type: BOOL, usage: "Don't truncate output" },
    { name: "size", short: "s", type: BOOL, usage: "Display total file sizes" },
  ],
  arity: NO_ARGUMENTS,
  examples: [
    ["ps -a", "Every container, stopped ones too"],
    ["ps --filter status=exited --format '{{.Names}}: {{.Status}}'", "Choose the containers and the columns"],
  ],
  async run(context, flags) {
    const quiet = flags.bool("quiet");
    if (quiet && flags.string("format") !== "") {
      await context.io.err("WARNING: Ignoring custom format, because both --format and --quiet are set.\n");
    }
    const transport = await context.connect();
    const format = quiet ? "" : flags.string("format") || ((await context.config()).psFormat ?? "");
    const size = flags.bool("size") || /\.Size\b/.test(format);
    const limit = flags.bool("latest") && !flags.changed("last") ? 1 : Number(flags.string("last"));
    const query = {
      all: flags.bool("all") ? true : undefined,
      limit: limit > 0 ? limit : undefined,
      size: size ? true : undefined,
      filters: encodeFilters(flags.list("filter")),
    };
    const answer = await transport.call("GET", "/containers/json", { query });
    const containers = await answer.json<ListedContainer[]>();
    const options = { noTrunc: flags.bool("no-trunc"), now: new Date() };
    // A template of the user's is for a program, or has its own taste.
    const paint = format === "" || format === "table" ? await context.paint("out") : PLAIN;
    const rows = containers.map((container) => {
      const row = containerRow(container, options);
      return paint.on ? { ...row, Status: paintStatus(paint, container.Status) } : row;
    });
    const layout = containerLayout(flags.bool("size"));
    await context.io.out(formatList(layout, rows, { format, quiet, styled: paint.on }));
    return 0;
  },
};
