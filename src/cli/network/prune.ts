import type { Command } from "../command.ts";
import { pruneFlags, pruneNetworks, pruneVerb } from "../prune-verb.ts";

export const command: Command = pruneVerb(
  {
    usage: "[OPTIONS]",
    short: "Remove all unused networks",
    aliases: ["network prune"],
    flags: pruneFlags("until=<timestamp>"),
    examples: [["network prune -f", "Without being asked"]],
  },
  { what: () => "all custom networks not used by at least one container", request: pruneNetworks },
);
