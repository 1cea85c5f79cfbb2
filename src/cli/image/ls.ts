import type { Command } from "../command.ts";
import { encodeFilters } from "../filters.ts";
import { BOOL } from "../flags/flag-types.ts";
import { imageLayout, imageRows, type ListedImage } from "../format/image-rows.ts";
import { formatList } from "../format/list-format.ts";
import { listFlags, listFormat } from "../list-verb.ts";

export const command: Command = {
  usage: "[OPTIONS] [REPOSITORY[:TAG]]",
  short: "List images",
  aliases: ["image ls", "image list", "images"],
  flags: [
    { name: "all", short: "a", type: BOOL, usage: "Show all images (default hides intermediate images)" },
    { name: "digests", type: BOOL, usage: "Show digests" },
    ...listFlags({ filter: "Filter output based on conditions provided", quiet: "Only show image IDs" }),
    { name: "no-trunc", type: BOOL, usage: "Don't truncate output" },
  ],
  arity: { min: 0, max: 1 },
  examples: [
    ["images", "Every image that has a name"],
    ["images --format '{{.Repository}}:{{.Tag}} {{.Size}}' 'debian*'", "Some of them, with columns of our choice"],
  ],
  async run(context, flags) {
    const transport = await context.connect();
    const [reference] = flags.arguments;
    const filters = [...flags.list("filter"), ...(reference === undefined ? [] : [`reference=${reference}`])];
    const query = { all: flags.bool("all") ? true : undefined, filters: encodeFilters(filters) };
    const answer = await transport.call("GET", "/images/json", { query });
    const images = await answer.json<ListedImage[]>();
    const quiet = flags.bool("quiet");
    const format = await listFormat(context, flags, "imagesFormat");
    const options = { noTrunc: flags.bool("no-trunc"), digests: flags.bool("digests"), now: new Date() };
    const rows = images.flatMap((image) =>
      imageRows(image, { ...options, digests: options.digests || /\.Digest\b/.test(format) }),
    );
    await context.io.out(formatList(imageLayout(options.digests), rows, { format, quiet }));
    return 0;
  },
};
