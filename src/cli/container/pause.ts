import { AT_LEAST_ONE, type Command } from "../command.ts";
import { forEachName } from "../each.ts";

export const command: Command = {
  usage: "CONTAINER [CONTAINER...]",
  short: "Pause all processes within one or more containers",
  aliases: ["container pause", "pause"],
  flags: [],
  arity: AT_LEAST_ONE,
  async run(context, flags) {
    const transport = await context.connect();
    return forEachName(context, flags.arguments, async (name) => {
      await transport.call("POST", `/containers/${encodeURIComponent(name)}/pause`);
      return name;
    });
  },
};
