import { AT_LEAST_ONE, type Command } from "../command.ts";
import { BOOL, STRING } from "../flags/flag-types.ts";
import { INSPECT_FORMAT_USAGE } from "../format/usage.ts";
import { inspectNames } from "../inspect-names.ts";

export const command: Command = {
  usage: "[OPTIONS] NETWORK [NETWORK...]",
  short: "Display detailed information on one or more networks",
  aliases: ["network inspect"],
  flags: [
    { name: "format", short: "f", type: STRING, usage: INSPECT_FORMAT_USAGE },
    { name: "verbose", short: "v", type: BOOL, usage: "Verbose output for diagnostics" },
  ],
  arity: AT_LEAST_ONE,
  async run(context, flags) {
    const transport = await context.connect();
    return inspectNames(context, flags.arguments, flags.string("format"), async (name) => {
      const answer = await transport.call("GET", `/networks/${encodeURIComponent(name)}`, {
        query: flags.bool("verbose") ? { verbose: true } : {},
      });
      return answer.json();
    });
  },
};
