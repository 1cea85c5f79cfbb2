import { AT_LEAST_ONE, type Command } from "../command.ts";
import { BOOL, STRING } from "../flags/flag-types.ts";
import { INSPECT_FORMAT_USAGE } from "../format/usage.ts";
import { inspectNames } from "../inspect-names.ts";

export const command: Command = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  short: "Display detailed information on one or more containers",
  aliases: ["container inspect"],
  flags: [
    { name: "format", short: "f", type: STRING, usage: INSPECT_FORMAT_USAGE },
    { name: "size", short: "s", type: BOOL, usage: "Display total file sizes" },
  ],
  arity: AT_LEAST_ONE,
  async run(context, flags) {
    const transport = await context.connect();
    return inspectNames(context, flags.arguments, flags.string("format"), async (name) => {
      const answer = await transport.call("GET", `/containers/${encodeURIComponent(name)}/json`, {
        query: flags.bool("size") ? { size: true } : {},
      });
      return answer.json();
    });
  },
};
