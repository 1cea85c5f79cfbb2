import type { Command } from "../command.ts";
import { BOOL } from "../flags/flag-types.ts";
import { verbOnNames } from "../verbs-on-names.ts";

export const command: Command = verbOnNames(
  {
    usage: "[OPTIONS] VOLUME [VOLUME...]",
    short: "Remove one or more volumes",
    aliases: ["volume rm", "volume remove"],
    flags: [{ name: "force", short: "f", type: BOOL, usage: "Force the removal of one or more volumes" }],
    examples: [["volume rm data", "Delete a volume and what it holds"]],
  },
  {
    method: "DELETE",
    path: (name) => `/volumes/${name}`,
    query: (flags) => ({ force: flags.bool("force") ? true : undefined }),
  },
);
