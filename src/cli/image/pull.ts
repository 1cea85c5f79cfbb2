import { type Command, exactly } from "../command.ts";
import { checkImageReference, familiarName } from "../container/create-container.ts";
import { BOOL, STRING } from "../flags/flag-types.ts";
import { pullImage } from "./pull-image.ts";

export const command: Command = {
  usage: "[OPTIONS] NAME[:TAG|@DIGEST]",
  short: "Download an image from a registry",
  aliases: ["image pull", "pull"],
  flags: [
    { name: "all-tags", short: "a", type: BOOL, usage: "Download all tagged images in the repository" },
    { name: "disable-content-trust", type: BOOL, usage: "", default: "true", hidden: true },
    { name: "platform", type: STRING, usage: "Set platform if server is multi-platform capable" },
    { name: "quiet", short: "q", type: BOOL, usage: "Suppress verbose output" },
  ],
  arity: exactly(1),
  examples: [["pull debian:12", "Fetch an image from its registry"]],
  async run(context, flags) {
    const image = flags.arguments[0] ?? "";
    checkImageReference(image);
    const allTags = flags.bool("all-tags");
    if (allTags && familiarName(image) === image) throw new Error("tag can't be used with --all-tags/-a");
    const quiet = flags.bool("quiet");
    if (!quiet && !allTags && familiarName(image) !== image) await context.io.out("Using default tag: latest\n");
    await pullImage(context, image, { quiet, platform: flags.string("platform"), toStderr: false, allTags });
    await context.io.out(`${allTags ? image : familiarName(image)}\n`);
    return 0;
  },
};
