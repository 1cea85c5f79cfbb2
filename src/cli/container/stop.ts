import type { Command } from "../command.ts";
import { verbOnNames } from "../verbs-on-names.ts";
import { STOP_FLAGS, stopQuery } from "./stop-flags.ts";

export const command: Command = verbOnNames(
  {
    usage: "[OPTIONS] CONTAINER [CONTAINER...]",
    short: "Stop one or more running containers",
    aliases: ["container stop", "stop"],
    flags: STOP_FLAGS,
    examples: [
      ["stop web db", "Ask two containers to end, and kill them when they have not in ten seconds"],
      ["stop -t 60 db", "Give it a minute"],
    ],
  },
  { method: "POST", path: (name) => `/containers/${name}/stop`, query: stopQuery },
);
