import { type Command, exactly } from "../command.ts";
import { checkImageReference } from "../container/create-container.ts";
import { BOOL, STRING } from "../flags/flag-types.ts";
import { showProgress } from "../progress/progress-lines.ts";
import { platformQuery } from "./platform.ts";
import { splitReference } from "./split-reference.ts";

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
      usage: "Push a platform-specific manifest as a single-platform image to the registry",
    },
    { name: "quiet", short: "q", type: BOOL, usage: "Suppress verbose output" },
  ],
  arity: exactly(1),
  examples: [["push localhost:5000/web:1", "Send an image to the registry in its name"]],
  async run(context, flags) {
    const image = flags.arguments[0] ?? "";
    checkImageReference(image);
    const { repository, tag } = splitReference(image);
    if (!flags.bool("quiet") && !flags.bool("all-tags") && tag === undefined) {
      await context.io.out("Using default tag: latest\n");
    }
    const transport = await context.connect();
    const query = {
      tag: flags.bool("all-tags") ? "" : (tag ?? "latest"),
      platform: platformQuery(flags.string("platform")),
    };
    const answer = await transport.call("POST", `/images/${repository}/push`, {
      query,
      headers: { "X-Registry-Auth": "e30=" },
    });
    await showProgress(context, answer.stream(), { quiet: flags.bool("quiet"), toStderr: false });
    if (flags.bool("quiet")) await context.io.out(`${image}\n`);
    return 0;
  },
};
