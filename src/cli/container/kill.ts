import type { Command } from "../command.ts";
import { STRING } from "../flags/flag-types.ts";
import { verbOnNames } from "../verbs-on-names.ts";

export const command: Command = verbOnNames(
  {
    usage: "[OPTIONS] CONTAINER [CONTAINER...]",
    short: "Kill one or more running containers",
    aliases: ["container kill", "kill"],
    flags: [{ name: "signal", short: "s", type: STRING, usage: "Signal to send to the container" }],
    examples: [
      ["kill web", "End it at once"],
      ["kill -s HUP web", "Send it another signal: many servers read their configuration again"],
    ],
  },
  {
    method: "POST",
    path: (name) => `/containers/${name}/kill`,
    query: (flags) => ({ signal: flags.string("signal") }),
  },
);
