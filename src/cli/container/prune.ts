import type { Command } from "../command.ts";
import { pruneContainers, pruneFlags, pruneVerb } from "../prune-verb.ts";

export const command: Command = pruneVerb(
  {
    usage: "[OPTIONS]",
    short: "Remove all stopped containers",
    aliases: ["container prune"],
    flags: pruneFlags("until=<timestamp>"),
    examples: [["container prune --filter until=24h", "Remove the containers that are older than a day and stopped"]],
  },
  { what: () => "all stopped containers", request: pruneContainers },
);
