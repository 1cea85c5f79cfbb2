import { platformJson } from "./platform.ts";
import { AT_LEAST_ONE, type Command } from "../command.ts";
import { STRING } from "../flags/flag-types.ts";
import { INSPECT_FORMAT_USAGE } from "../format/usage.ts";
import { inspectNames } from "../inspect-names.ts";

export const command: Command = {
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  short: "Display detailed information on one or more images",
  aliases: ["image inspect"],
  flags: [
    { name: "format", short: "f", type: STRING, usage: INSPECT_FORMAT_USAGE },
    { name: "platform", type: STRING, usage: "Inspect a specific platform of the multi-platform image" },
  ],
  arity: AT_LEAST_ONE,
  async run(context, flags) {
    const transport = await context.connect();
    return inspectNames(context, flags.arguments, flags.string("format"), async (name) => {
      const answer = await transport.call("GET", `/images/${name}/json`, {
        query: { platform: platformJson(flags.string("platform")) },
      });
      return answer.json();
    });
  },
};
