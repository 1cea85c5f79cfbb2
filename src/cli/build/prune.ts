import { parseBytes } from "../../base/go-values.ts";
import { type Command, NO_ARGUMENTS } from "../command.ts";
import { confirm } from "../confirm.ts";
import { encodeFilters } from "../filters.ts";
import { BOOL, BYTES, STRING } from "../flags/flag-types.ts";
import { prunedText, pruneFlags, pruneQuestion, reclaimedText } from "../prune-verb.ts";

export const command: Command = {
  usage: "[OPTIONS]",
  short: "Remove build cache",
  aliases: ["builder prune", "buildx prune"],
  flags: [
    { name: "all", short: "a", type: BOOL, usage: "Remove all unused build cache, not just dangling ones" },
    ...pruneFlags("until=24h"),
    { name: "reserved-space", type: BYTES, usage: "Amount of disk space always allowed to keep for cache" },
    { name: "keep-storage", type: BYTES, usage: "", hidden: true, aliasOf: "reserved-space" },
    { name: "builder", type: STRING, usage: "Override the configured builder instance", hidden: true },
  ],
  arity: NO_ARGUMENTS,
  examples: [
    ["builder prune", "What no image shares and no build uses"],
    ["builder prune -a -f", "All of it, without a question"],
    ["builder prune --filter until=48h", "What was not used for two days"],
    ["builder prune --reserved-space 10gb", "The longest unused first, until 10 GB are left"],
  ],
  async run(context, flags) {
    const all = flags.bool("all");
    if (
      !flags.bool("force") &&
      !(await confirm(context, pruneQuestion(all ? "all build cache" : "all dangling build cache")))
    )
      return 1;
    const kept = flags.value("reserved-space", parseBytes, 0) || undefined;
    const transport = await context.connect();
    const answer = await transport.call("POST", "/build/prune", {
      query: {
        all: all || undefined,
        filters: encodeFilters(flags.list("filter")),
        // Until 1.47 it had the first name.
        "keep-storage": kept,
        "reserved-space": kept,
      },
    });
    const { CachesDeleted, SpaceReclaimed } = await answer.json<{
      CachesDeleted: string[] | null;
      SpaceReclaimed: number;
    }>();
    const text = prunedText({ noun: "build cache objects", lines: CachesDeleted ?? [] });
    await context.io.out(text + reclaimedText(SpaceReclaimed));
    return 0;
  },
};
