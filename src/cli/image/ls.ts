import type { Command } from "../command.ts";
import { checkFilter, encodeFilters } from "../filters.ts";
import { BOOL, listOf, STRING } from "../flags/flag-types.ts";
import { imageLayout, imageRows, type ListedImage } from "../format/image-rows.ts";
import { formatList } from "../format/list-format.ts";
import { FORMAT_USAGE } from "../format/usage.ts";

export const command: Command = {
  usage: "[OPTIONS] [REPOSITORY[:TAG]]",
  short: "List images",
  aliases: ["image ls", "image list", "images"],
  flags: [
    { name: "all", short: "a", type: BOOL, usage: "Show all images (default hides intermediate images)" },
    { name: "digests", type: BOOL, usage: "Show digests" },
    {
      name: "filter",
      short: "f",
      type: listOf("filter", checkFilter),
      usage: "Filter output based on conditions provided",
    },
    { name: "format", type: STRING, usage: FORMAT_USAGE },
    { name: "no-trunc", type: BOOL, usage: "Don't truncate output" },
    { name: "quiet", short: "q", type: BOOL, usage: "Only show image IDs" },
  ],
  arity: { min: 0, max: 1 },
  async run(context, flags) {
    const transport = await context.connect();
    const [reference] = flags.arguments;
    const filters = [...flags.list("filter"), ...(reference === undefined ? [] : [`reference=${reference}`])];
    const query = { all: flags.bool("all") ? true : undefined, filters: encodeFilters(filters) };
    const answer = await transport.call("GET", "/images/json", { query });
    const images = await answer.json<ListedImage[]>();
    const quiet = flags.bool("quiet");
    const format = flags.string("format") || (quiet ? "" : ((await context.config()).imagesFormat ?? ""));
    const options = { noTrunc: flags.bool("no-trunc"), digests: flags.bool("digests"), now: new Date() };
    const rows = images.flatMap((image) =>
      imageRows(image, { ...options, digests: options.digests || /\.Digest\b/.test(format) }),
    );
    await context.io.out(formatList(imageLayout(options.digests), rows, { format, quiet }));
    return 0;
  },
};
