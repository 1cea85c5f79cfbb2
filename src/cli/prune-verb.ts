import type { Query, Transport } from "../client/transport.ts";
import { type Command, NO_ARGUMENTS } from "./command.ts";
import { confirm } from "./confirm.ts";
import { checkFilter, encodeFilters } from "./filters.ts";
import type { Flag, Parsed } from "./flags/flag-set.ts";
import { BOOL, listOf } from "./flags/flag-types.ts";
import { humanSize } from "./format/units.ts";

/** What one kind of thing lost. */
export interface Pruned {
  /** `Containers`: the heading is `Deleted Containers:`. */
  noun: string;
  lines: string[];
  /** undefined: this kind holds no space of its own. */
  reclaimedBytes?: number;
}

/** The requests that remove what is not used, for each noun, and for `system prune` all of them. */
export type PruneRequest = (transport: Transport, filters: readonly string[]) => Promise<Pruned>;

/** `POST path`; `field` of its answer is the list of what was removed. */
function pruneRequest(path: string, noun: string, field: string, query: Query = {}): PruneRequest {
  return async (transport, filters) => {
    const answer = await transport.call("POST", path, { query: { ...query, filters: encodeFilters(filters) } });
    const pruned = await answer.json<Record<string, unknown>>();
    const lines = (pruned[field] ?? []) as string[];
    const bytes = pruned["SpaceReclaimed"];
    return { noun, lines, ...(typeof bytes === "number" ? { reclaimedBytes: bytes } : {}) };
  };
}

export const pruneContainers = pruneRequest("/containers/prune", "Containers", "ContainersDeleted");
export const pruneNetworks = pruneRequest("/networks/prune", "Networks", "NetworksDeleted");
export const pruneVolumes = pruneRequest("/volumes/prune", "Volumes", "VolumesDeleted");

export function pruneBuildCache(all: boolean): PruneRequest {
  return pruneRequest("/build/prune", "Build Cache Objects", "CachesDeleted", { all: all ? true : undefined });
}

export const pruneImages: PruneRequest = async (transport, filters) => {
  const answer = await transport.call("POST", "/images/prune", { query: { filters: encodeFilters(filters) } });
  const pruned = await answer.json<{
    ImagesDeleted: { Untagged?: string; Deleted?: string }[] | null;
    SpaceReclaimed: number;
  }>();
  const lines = (pruned.ImagesDeleted ?? []).map((image) =>
    image.Untagged ? `untagged: ${image.Untagged}` : `deleted: ${image.Deleted ?? ""}`,
  );
  return { noun: "Images", lines, reclaimedBytes: pruned.SpaceReclaimed };
};

/** `Deleted Networks:` with its lines; "" when there were none. Pure. */
export function prunedText({ noun, lines }: Pruned): string {
  return lines.length === 0 ? "" : `Deleted ${noun}:\n${lines.map((line) => `${line}\n`).join("")}\n`;
}

export function reclaimedText(bytes: number): string {
  return `Total reclaimed space: ${humanSize(bytes)}\n`;
}

export function pruneFlags(filterExample: string): Flag[] {
  return [
    { name: "filter", type: listOf("filter", checkFilter), usage: `Provide filter values (e.g. "${filterExample}")` },
    { name: "force", short: "f", type: BOOL, usage: "Do not prompt for confirmation" },
  ];
}

/** Docker's question: what is going to be removed, and whether that is meant. */
export function pruneQuestion(what: string): string {
  return `WARNING! This will remove ${what}.\nAre you sure you want to continue?`;
}

export function pruneVerb(
  words: Pick<Command, "usage" | "short" | "aliases" | "flags"> & { examples: [string, string][] },
  prune: { what: (flags: Parsed) => string; filters?: (flags: Parsed) => string[]; request: PruneRequest },
): Command {
  return {
    ...words,
    arity: NO_ARGUMENTS,
    async run(context, flags) {
      if (!flags.bool("force") && !(await confirm(context, pruneQuestion(prune.what(flags))))) return 1;
      const filters = [...flags.list("filter"), ...(prune.filters?.(flags) ?? [])];
      const pruned = await prune.request(await context.connect(), filters);
      const space = pruned.reclaimedBytes === undefined ? "" : reclaimedText(pruned.reclaimedBytes);
      await context.io.out(prunedText(pruned) + space);
      return 0;
    },
  };
}
