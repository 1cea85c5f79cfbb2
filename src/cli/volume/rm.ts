import { AT_LEAST_ONE, type Command } from "../command.ts";
import { forEachName } from "../each.ts";
import { BOOL } from "../flags/flag-types.ts";

export const command: Command = {
  usage: "[OPTIONS] VOLUME [VOLUME...]",
  short: "Remove one or more volumes",
  aliases: ["volume rm", "volume remove"],
  flags: [{ name: "force", short: "f", type: BOOL, usage: "Force the removal of one or more volumes" }],
  arity: AT_LEAST_ONE,
  async run(context, flags) {
    const transport = await context.connect();
    const query = { force: flags.bool("force") ? true : undefined };
    return forEachName(context, flags.arguments, async (name) => {
      await transport.call("DELETE", `/volumes/${encodeURIComponent(name)}`, { query });
      return name;
    });
  },
};
