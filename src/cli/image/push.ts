import { splitReference } from "../../wire/split-reference.ts";
import { type Command, exactly } from "../command.ts";
import { checkImageReference } from "../container/create-container.ts";
import { callForRegistry } from "../credentials/call-for-registry.ts";
import { keyOfImage, registryOf } from "../credentials/registry-key.ts";
import { BOOL, STRING } from "../flags/flag-types.ts";
import { showProgress } from "../progress/progress-display.ts";
import { fullName } from "./full-name.ts";
import { platformQuery } from "./platform.ts";

export const command: Command = {
  usage: "[OPTIONS] NAME[:TAG]",
  short: "Upload an image to a registry",
  aliases: ["image push", "push"],
  flags: [
    { name: "all-tags", short: "a", type: BOOL, usage: "Push all tags of an image to the repository" },
    { name: "disable-content-trust", type: BOOL, usage: "", default: "true", hidden: true },
    {
      name: "platform",
      type: STRING,
      usage:
        "Push a platform-specific manifest as a single-platform image to the registry.\nImage index won't be pushed, meaning that other manifests, including attestations won't be preserved.\n'os[/arch[/variant]]': Explicit platform (eg. linux/amd64)",
    },
    { name: "quiet", short: "q", type: BOOL, usage: "Suppress verbose output" },
  ],
  arity: exactly(1),
  examples: [
    ["push localhost:5000/web:1", "Send an image to the registry in its name; `tag` gives it such a name"],
    ["push -a localhost:5000/web", "Every tag of it that is here"],
  ],
  async run(context, flags) {
    const image = flags.arguments[0] ?? "";
    checkImageReference(image);
    const { repository, tag, digest } = splitReference(image);
    if (digest !== undefined) throw new Error("cannot push a digest reference");
    const allTags = flags.bool("all-tags");
    if (allTags && tag !== undefined) throw new Error("tag can't be used with --all-tags/-a");
    const quiet = flags.bool("quiet");
    const platform = platformQuery(flags.string("platform"));
    if (!quiet && !allTags && tag === undefined) await context.io.out("Using default tag: latest\n");
    const key = keyOfImage(image);
    // Without a tag it is all of them.
    const query = { tag: allTags ? "" : (tag ?? "latest"), platform };
    if (platform !== "" && !quiet) await context.io.err(PLATFORM_WORDS);
    const answer = await callForRegistry(context, { method: "POST", path: `/images/${repository}/push`, key, query });
    await showProgress(context, answer.stream(), { quiet, toStderr: false, registry: registryOf(key) });
    if (quiet) await context.io.out(`${fullName(image, allTags)}\n`);
    return 0;
  },
};

const PLATFORM_WORDS =
  "\n Info -> Using --platform pushes only the specified platform manifest of a multi-platform image index.\n" +
  "         Other components, like attestations, will not be included.\n" +
  "         To push the complete multi-platform image, remove the --platform flag.\n\n";
