import type { Command } from "../command.ts";
import { verbOnNames } from "../verbs-on-names.ts";
import { STOP_FLAGS, stopQuery } from "./stop-flags.ts";

export const command: Command = verbOnNames(
  {
    usage: "[OPTIONS] CONTAINER [CONTAINER...]",
    short: "Restart one or more containers",
    aliases: ["container restart", "restart"],
    flags: STOP_FLAGS,
    examples: [["restart -t 5 web", "Stop it, with five seconds to end in, and start it again"]],
  },
  { method: "POST", path: (name) => `/containers/${name}/restart`, query: stopQuery },
);
