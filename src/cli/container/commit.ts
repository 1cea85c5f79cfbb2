import type { WireCommitted } from "../../wire/containers.ts";
import { splitReference } from "../../wire/split-reference.ts";
import type { Command } from "../command.ts";
import { BOOL, LIST, STRING } from "../flags/flag-types.ts";
import { checkImageReference } from "./create-container.ts";

export const command: Command = {
  usage: "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
  short: "Create a new image from a container's changes",
  aliases: ["container commit", "commit"],
  flags: [
    {
      name: "author",
      short: "a",
      type: STRING,
      usage: 'Author (e.g., "John Hannibal Smith <hannibal@a-team.com>")',
    },
    { name: "change", short: "c", type: LIST, usage: "Apply Dockerfile instruction to the created image" },
    { name: "message", short: "m", type: STRING, usage: "Commit message" },
    { name: "pause", short: "p", type: BOOL, default: "true", usage: "Pause container during commit" },
    { name: "no-pause", type: BOOL, usage: "Disable pausing container during commit" },
  ],
  arity: { min: 1, max: 2 },
  examples: [['commit -m "with tools" -c "CMD [\\"top\\"]" web tools:v2', "An image of what is in a container now"]],
  async run(context, flags) {
    const [container = "", reference = ""] = flags.arguments;
    if (reference !== "") checkImageReference(reference);
    const { repository, tag } = splitReference(reference);
    const transport = await context.connect();
    const query = {
      container,
      repo: repository,
      tag: tag ?? "",
      comment: flags.string("message"),
      author: flags.string("author"),
      changes: flags.list("change"),
      pause: flags.bool("pause") && !flags.bool("no-pause"),
    };
    const answer = await transport.call("POST", "/commit", { query });
    await context.io.out(`${(await answer.json<WireCommitted>()).Id}\n`);
    return 0;
  },
};
