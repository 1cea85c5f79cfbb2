import type { Command } from "../command.ts";
import { BOOL } from "../flags/flag-types.ts";
import { pruneFlags, pruneImages, pruneVerb } from "../prune-verb.ts";

export const command: Command = pruneVerb(
  {
    usage: "[OPTIONS]",
    short: "Remove unused images",
    aliases: ["image prune"],
    flags: [
      { name: "all", short: "a", type: BOOL, usage: "Remove all unused images, not just dangling ones" },
      ...pruneFlags("until=<timestamp>"),
    ],
    examples: [["image prune -a", "Every image that no container stands on"]],
  },
  {
    what: (flags) =>
      flags.bool("all") ? "all images without at least one container associated to them" : "all dangling images",
    filters: (flags) => [`dangling=${!flags.bool("all")}`],
    request: pruneImages,
  },
);
