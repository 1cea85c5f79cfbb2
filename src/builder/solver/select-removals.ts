import type { CacheRecord } from "../builder.ts";

/**
 * Which records go so that those that stay take no more than `keepBytes`: of the `candidates` the longest unused first, but nothing
 * before what stands on it, for a step without the step before it is never found again. Shared records take nothing. Pure.
 */
export function selectRemovals(
  records: CacheRecord[],
  { isCandidate, keepBytes }: { isCandidate: (record: CacheRecord) => boolean; keepBytes: number },
): CacheRecord[] {
  const byId = new Map(records.map((record) => [record.id, record]));
  const children = new Map<string, number>();
  for (const { parents } of records) for (const id of parents) children.set(id, (children.get(id) ?? 0) + 1);
  let leftBytes = records.reduce((total, record) => total + privateBytes(record), 0);
  const removed: CacheRecord[] = [];
  const passed = new Set<string>();
  /** Those below were unused for longer, and waited for this one only. */
  const remove = (first: CacheRecord) => {
    const ready = [first];
    for (let record = ready.pop(); record !== undefined && leftBytes > keepBytes; record = ready.pop()) {
      removed.push(record);
      leftBytes -= privateBytes(record);
      for (const id of record.parents) {
        const left = (children.get(id) ?? 0) - 1;
        children.set(id, left);
        const parent = byId.get(id);
        if (left === 0 && parent !== undefined && passed.has(id)) ready.push(parent);
      }
    }
  };
  for (const record of records.filter(isCandidate).sort(byAge)) {
    if (leftBytes <= keepBytes) break;
    if ((children.get(record.id) ?? 0) === 0) remove(record);
    else passed.add(record.id);
  }
  return removed;
}

/** What removing it gives back. */
export function privateBytes({ shared, sizeBytes }: CacheRecord): number {
  return shared ? 0 : sizeBytes;
}

function byAge(left: CacheRecord, right: CacheRecord): number {
  return lastUsedMs(left) - lastUsedMs(right);
}

function lastUsedMs({ lastUsedAt, createdAt }: CacheRecord): number {
  return (lastUsedAt ?? createdAt).getTime();
}
