import { ClientError } from "../../client/errors.ts";
import { AT_LEAST_ONE, type Command } from "../command.ts";
import { forEachName } from "../each.ts";
import { BOOL } from "../flags/flag-types.ts";

export const command: Command = {
  usage: "NETWORK [NETWORK...]",
  short: "Remove one or more networks",
  aliases: ["network rm", "network remove"],
  flags: [{ name: "force", short: "f", type: BOOL, usage: "Do not error if the network does not exist" }],
  arity: AT_LEAST_ONE,
  examples: [["network rm backend", "Once no container is attached to it"]],
  async run(context, flags) {
    const transport = await context.connect();
    const force = flags.bool("force");
    return forEachName(context, flags.arguments, async (name) => {
      try {
        await transport.call("DELETE", `/networks/${encodeURIComponent(name)}`);
      } catch (error) {
        if (force && error instanceof ClientError && error.status === 404) return "";
        throw error;
      }
      return name;
    });
  },
};
