import { AT_LEAST_ONE, type Command } from "../command.ts";
import { forEachName } from "../each.ts";
import { INT, STRING } from "../flags/flag-types.ts";
import { parseInteger } from "../flags/parse-values.ts";

export const command: Command = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  short: "Stop one or more running containers",
  aliases: ["container stop", "stop"],
  flags: [
    { name: "signal", short: "s", type: STRING, usage: "Signal to send to the container" },
    {
      name: "timeout",
      short: "t",
      type: INT,
      usage: "Seconds to wait before killing the container",
    },
    { name: "time", type: INT, usage: "", deprecated: "use --timeout instead", aliasOf: "timeout" },
  ],
  arity: AT_LEAST_ONE,
  async run(context, flags) {
    const transport = await context.connect();
    const seconds = flags.value("timeout", (text) => parseInteger(text, { bits: 64, signed: true }), undefined);
    const query = { signal: flags.string("signal"), t: flags.changed("timeout") ? seconds : undefined };
    return forEachName(context, flags.arguments, async (name) => {
      await transport.call("POST", `/containers/${encodeURIComponent(name)}/stop`, { query });
      return name;
    });
  },
};
