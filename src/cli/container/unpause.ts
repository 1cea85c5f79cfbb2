import { AT_LEAST_ONE, type Command } from "../command.ts";
import { forEachName } from "../each.ts";

export const command: Command = {
  usage: "CONTAINER [CONTAINER...]",
  short: "Unpause all processes within one or more containers",
  aliases: ["container unpause", "unpause"],
  flags: [],
  arity: AT_LEAST_ONE,
  async run(context, flags) {
    const transport = await context.connect();
    return forEachName(context, flags.arguments, async (name) => {
      await transport.call("POST", `/containers/${encodeURIComponent(name)}/unpause`);
      return name;
    });
  },
};
