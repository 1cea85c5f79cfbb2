import { type Command, NO_ARGUMENTS } from "../command.ts";
import { confirm } from "../confirm.ts";
import { describeFailure, tellError } from "../failure.ts";
import type { Parsed } from "../flags/flag-set.ts";
import { BOOL } from "../flags/flag-types.ts";
import {
  type PruneRequest,
  pruneBuildCache,
  pruneContainers,
  prunedText,
  pruneFlags,
  pruneImages,
  pruneNetworks,
  pruneVolumes,
  reclaimedText,
} from "../prune-verb.ts";

export const command: Command = {
  usage: "[OPTIONS]",
  short: "Remove unused data",
  aliases: ["system prune"],
  flags: [
    { name: "all", short: "a", type: BOOL, usage: "Remove all unused images not just dangling ones" },
    ...pruneFlags("label=<key>=<value>"),
    { name: "volumes", type: BOOL, usage: "Prune anonymous volumes" },
  ],
  arity: NO_ARGUMENTS,
  examples: [["system prune --volumes", "Stopped containers, unused networks, dangling images and anonymous volumes"]],
  async run(context, flags) {
    if (!flags.bool("force") && !(await confirm(context, systemQuestion(flags)))) return 1;
    const transport = await context.connect();
    const filters = flags.list("filter");
    const steps: [request: PruneRequest, filters: string[]][] = [
      [pruneContainers, filters],
      [pruneNetworks, filters],
      ...(flags.bool("volumes") ? [[pruneVolumes, filters] satisfies [PruneRequest, string[]]] : []),
      [pruneImages, [...filters, `dangling=${!flags.bool("all")}`]],
      [pruneBuildCache(flags.bool("all")), filters],
    ];
    let [reclaimedBytes, code] = [0, 0];
    // What one kind cannot do is told, and does not keep the others from being removed.
    for (const [request, chosen] of steps) {
      try {
        const pruned = await request(transport, chosen);
        reclaimedBytes += pruned.reclaimedBytes ?? 0;
        await context.io.out(prunedText(pruned));
      } catch (error) {
        const failure = describeFailure(error);
        await tellError(context, failure.message);
        code = failure.code;
      }
    }
    await context.io.out(reclaimedText(reclaimedBytes));
    return code;
  },
};

function systemQuestion(flags: Parsed): string {
  const all = flags.bool("all");
  const kinds = [
    "all stopped containers",
    "all networks not used by at least one container",
    ...(flags.bool("volumes") ? ["all anonymous volumes not used by at least one container"] : []),
    all ? "all images without at least one container associated to them" : "all dangling images",
    all ? "all build cache" : "unused build cache",
  ];
  const list = kinds.map((kind) => `  - ${kind}\n`).join("");
  return `WARNING! This will remove:\n${list}\nAre you sure you want to continue?`;
}
