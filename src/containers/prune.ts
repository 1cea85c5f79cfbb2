import { invalid, messageOf } from "../base/errors.ts";
import type { ListFilters } from "./containers.ts";
import type { Core } from "./core.ts";
import { matchesLabel } from "./list-filters.ts";
import { takeAway } from "./remove.ts";
import { isRunning } from "./state.ts";

const PRUNE_FILTERS = new Set(["until", "label", "label!"]);

/** Removes the containers that do not run. One that cannot be removed is logged and left. */
export async function pruneContainers(
  core: Core,
  filters: ListFilters,
): Promise<{ removed: string[]; reclaimedBytes: number }> {
  const { deps, index, queue } = core;
  for (const name of Object.keys(filters)) {
    if (!PRUNE_FILTERS.has(name)) throw invalid(`invalid filter '${name}'`);
  }
  const until = parseUntil(filters.until ?? [], deps.clock.now());
  const removed: string[] = [];
  let reclaimedBytes = 0;
  for (const entry of index.all()) {
    const { createdAt, spec } = entry.definition;
    if (isRunning(entry.run.state) || entry.removing !== undefined || !index.has(entry.id)) continue;
    if (until !== undefined && createdAt > until) continue;
    if (!(filters.label ?? []).every((label) => matchesLabel(spec.labels, label))) continue;
    if ((filters["label!"] ?? []).some((label) => matchesLabel(spec.labels, label))) continue;
    try {
      const bytes = await deps.snapshots.usage(entry.id);
      const isGone = await queue.run(entry.id, async () => {
        if (isRunning(entry.run.state)) return false;
        await takeAway(core, entry, { discardVolumes: false });
        return true;
      });
      if (!isGone) continue;
      removed.push(entry.id);
      reclaimedBytes += bytes;
    } catch (error) {
      deps.logger.warn("pruning a container", { container: entry.id, error: messageOf(error) });
    }
  }
  deps.publish({ type: "container", action: "prune", actorId: "", attributes: { reclaimed: String(reclaimedBytes) } });
  return { removed, reclaimedBytes };
}

const UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A duration before now (`10m`, `1h30m`), Unix seconds, or a date. Throws invalid-argument. */
export function parseUntil(values: string[], now: Date): Date | undefined {
  if (values.length === 0) return undefined;
  if (values.length > 1) throw invalid("more than one until filter specified");
  const [text = ""] = values;
  if (/^\d+(\.\d+)?$/.test(text)) return new Date(Number(text) * 1000);
  if (/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) {
    let totalMs = 0;
    for (const [, amount, , unit = ""] of text.matchAll(/(\d+(\.\d+)?)(ms|s|m|h)/g)) {
      totalMs += Number(amount) * (UNIT_MS[unit] ?? 0);
    }
    return new Date(now.getTime() - totalMs);
  }
  const date = new Date(text);
  if (Number.isNaN(date.getTime()))
    throw invalid(`invalid value for "until": failed to parse value as time or duration: "${text}"`);
  return date;
}
