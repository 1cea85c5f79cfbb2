import { AT_LEAST_ONE, type Command } from "../command.ts";
import { STRING } from "../flags/flag-types.ts";
import { INSPECT_FORMAT_USAGE } from "../format/usage.ts";
import { inspectNames } from "../inspect-names.ts";

export const command: Command = {
  usage: "[OPTIONS] VOLUME [VOLUME...]",
  short: "Display detailed information on one or more volumes",
  aliases: ["volume inspect"],
  flags: [{ name: "format", short: "f", type: STRING, usage: INSPECT_FORMAT_USAGE }],
  arity: AT_LEAST_ONE,
  async run(context, flags) {
    const transport = await context.connect();
    return inspectNames(context, flags.arguments, flags.string("format"), async (name) => {
      const answer = await transport.call("GET", `/volumes/${encodeURIComponent(name)}`);
      return answer.json();
    });
  },
};
