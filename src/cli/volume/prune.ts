import type { Command } from "../command.ts";
import { BOOL } from "../flags/flag-types.ts";
import { pruneFlags, pruneVerb, pruneVolumes } from "../prune-verb.ts";

export const command: Command = pruneVerb(
  {
    usage: "[OPTIONS]",
    short: "Remove unused local volumes",
    aliases: ["volume prune"],
    flags: [
      { name: "all", short: "a", type: BOOL, usage: "Remove all unused volumes, not just anonymous ones" },
      ...pruneFlags("label=<label>"),
    ],
    examples: [["volume prune -a --filter label=test", "Named volumes too, but only those with this label"]],
  },
  {
    what: (flags) => `${flags.bool("all") ? "all" : "anonymous"} local volumes not used by at least one container`,
    filters: (flags) => (flags.bool("all") ? ["all=true"] : []),
    request: pruneVolumes,
  },
);
