import { AT_LEAST_ONE, type Command } from "../command.ts";
import { forEachName } from "../each.ts";
import { STRING } from "../flags/flag-types.ts";

export const command: Command = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  short: "Kill one or more running containers",
  aliases: ["container kill", "kill"],
  flags: [{ name: "signal", short: "s", type: STRING, usage: "Signal to send to the container" }],
  arity: AT_LEAST_ONE,
  async run(context, flags) {
    const transport = await context.connect();
    return forEachName(context, flags.arguments, async (name) => {
      const query = { signal: flags.string("signal") };
      await transport.call("POST", `/containers/${encodeURIComponent(name)}/kill`, { query });
      return name;
    });
  },
};
