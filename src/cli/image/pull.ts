import { AT_LEAST_ONE, type CliContext, type Command, ExitError } from "../command.ts";
import { checkImageReference, familiarName } from "../container/create-container.ts";
import { tellFailure } from "../failure.ts";
import { BOOL, STRING } from "../flags/flag-types.ts";
import { openProgressDisplay } from "../progress/progress-display.ts";
import { fullName } from "./full-name.ts";
import { type PullOptions, pullImage, pullInto } from "./pull-image.ts";

/** Images that are pulled at once; the daemon fetches several layers of each at once too. */
const PARALLEL_PULLS = 3;

export const command: Command = {
  usage: "[OPTIONS] NAME[:TAG|@DIGEST] [NAME[:TAG|@DIGEST]...]",
  short: "Download an image from a registry",
  aliases: ["image pull", "pull"],
  flags: [
    { name: "all-tags", short: "a", type: BOOL, usage: "Download all tagged images in the repository" },
    { name: "disable-content-trust", type: BOOL, usage: "", default: "true", hidden: true },
    { name: "platform", type: STRING, usage: "Set platform if server is multi-platform capable" },
    { name: "quiet", short: "q", type: BOOL, usage: "Suppress verbose output" },
  ],
  arity: AT_LEAST_ONE,
  examples: [
    ["pull debian:12", "Fetch an image from Docker Hub"],
    ["pull localhost:5000/web:1 redis postgres:16", "Several at once, from any registries"],
    ["pull --platform linux/arm64 debian:12", "The variant for another kind of machine"],
    ["pull -a localhost:5000/web", "Every tag of a repository"],
  ],
  async run(context, flags) {
    const images = [...new Set(flags.arguments)];
    const allTags = flags.bool("all-tags");
    for (const image of images) {
      checkImageReference(image);
      if (allTags && familiarName(image) === image) throw new Error("tag can't be used with --all-tags/-a");
    }
    const options = { platform: flags.string("platform"), allTags, quiet: flags.bool("quiet") };
    const [only = "", ...more] = images;
    return more.length === 0 ? pullOne(context, only, options) : pullSeveral(context, images, options);
  },
};

type Options = PullOptions & { allTags: boolean; quiet: boolean };

async function pullOne(context: CliContext, image: string, options: Options): Promise<number> {
  const { quiet, allTags } = options;
  if (!quiet && !allTags && familiarName(image) !== image) await context.io.out("Using default tag: latest\n");
  await pullImage(context, image, { ...options, toStderr: false });
  await context.io.out(`${fullName(image, allTags)}\n`);
  return 0;
}

/** Those that fail stop no other; they are told at the end. */
async function pullSeveral(context: CliContext, images: readonly string[], options: Options): Promise<number> {
  const display = await openProgressDisplay(context, { quiet: options.quiet, lines: "out", area: "out" });
  const waiting = images.values();
  const failures = new Map<string, unknown>();
  const work = async () => {
    for (const image of waiting) {
      const title = options.allTags ? image : familiarName(image);
      await pullInto(display, context, image, { ...options, title }).catch((error: unknown) =>
        failures.set(image, error),
      );
    }
  };
  try {
    await Promise.all(Array.from({ length: PARALLEL_PULLS }, work));
  } finally {
    await display.end();
  }
  for (const image of images) {
    if (!failures.has(image)) await context.io.out(`${fullName(image, options.allTags)}\n`);
  }
  for (const [image, error] of failures) {
    await context.io.err(`${image}: `);
    await tellFailure(context, error);
  }
  if (failures.size > 0) throw new ExitError(1, "");
  return 0;
}
