import { type Command, NO_ARGUMENTS } from "../../command.ts";
import { BOOL, STRING } from "../../flags/flag-types.ts";
import { formatList, type ListLayout, type Row } from "../../format/list-format.ts";
import { FORMAT_USAGE } from "../../format/usage.ts";
import { BUILDER_NAME, DRIVER, theBuilder } from "./the-builder.ts";

const LAYOUT: ListLayout = {
  headers: {
    Name: "NAME/NODE",
    DriverEndpoint: "DRIVER/ENDPOINT",
    Status: "STATUS",
    Buildkit: "BUILDKIT",
    Platforms: "PLATFORMS",
  },
  table: "{{.Name}}\t{{.DriverEndpoint}}\t{{.Status}}\t{{.Buildkit}}\t{{.Platforms}}",
  rowType: "*commands.lsContext",
  quiet: "Name",
};

export const command: Command = {
  usage: "[OPTIONS]",
  short: "List builder instances",
  aliases: ["builder ls", "buildx ls"],
  flags: [
    { name: "format", type: STRING, usage: FORMAT_USAGE },
    { name: "no-trunc", type: BOOL, usage: "Don't truncate output" },
  ],
  arity: NO_ARGUMENTS,
  examples: [["buildx ls", "The one builder there is: the engine itself"]],
  async run(context, flags) {
    const builder = await theBuilder(await context.connect());
    const format = flags.string("format").trim();
    if (format === "json") {
      const node = { Name: BUILDER_NAME, Endpoint: BUILDER_NAME, Status: "running", ...builder };
      const json = { Name: BUILDER_NAME, Driver: DRIVER, Current: true, Dynamic: false, Nodes: [node] };
      await context.io.out(`${JSON.stringify(json)}\n`);
      return 0;
    }
    const nodeOf = (name: string, endpoint: string): Row => ({
      Name: name,
      DriverEndpoint: endpoint,
      Status: "running",
      Buildkit: `v${builder.Version}`,
      Platforms: builder.Platforms.join(", "),
    });
    const isTable = format === "" || format.startsWith("table");
    const head: Row = { Name: `${BUILDER_NAME}*`, DriverEndpoint: DRIVER, Status: "", Buildkit: "", Platforms: "" };
    // A template has one line for each builder, the table one for each of its nodes, too.
    const rows = isTable
      ? [head, nodeOf(` \\_ ${BUILDER_NAME}`, ` \\_ ${BUILDER_NAME}`)]
      : [nodeOf(BUILDER_NAME, DRIVER)];
    await context.io.out(formatList(LAYOUT, rows, { format, quiet: false }));
    return 0;
  },
};
