import { splitReference } from "../../wire/split-reference.ts";
import { type Command, exactly } from "../command.ts";
import { checkImageReference } from "../container/create-container.ts";

export const command: Command = {
  usage: "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
  short: "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
  aliases: ["image tag", "tag"],
  flags: [],
  arity: exactly(2),
  examples: [["tag debian:12 base:1", "A second name for an image"]],
  async run(context, flags) {
    const [source = "", target = ""] = flags.arguments;
    try {
      checkImageReference(target);
    } catch (error) {
      throw new Error(
        `Error parsing reference: ${JSON.stringify(target)} is not a valid repository/tag: ${(error as Error).message}`,
      );
    }
    const { repository, tag } = splitReference(target);
    const transport = await context.connect();
    await transport.call("POST", `/images/${source}/tag`, { query: { repo: repository, tag: tag ?? "latest" } });
    return 0;
  },
};
