import type { CacheRecord } from "../../builder/builder.ts";
import type { WireBuildCache } from "../../wire/system.ts";
import { atLeast } from "../version.ts";

/** Several parents came with 1.42; before that there was one, its name left out where there is none. */
export function encodeCacheRecord(record: CacheRecord, version: number): WireBuildCache {
  const { id, parents, type, description, inUse, shared, sizeBytes, createdAt, lastUsedAt, usageCount } = record;
  return {
    ID: id,
    ...(atLeast(version, 42) ? (parents.length > 0 ? { Parents: parents } : {}) : { Parent: parents[0] ?? "" }),
    Type: type,
    Description: description,
    InUse: inUse,
    Shared: shared,
    Size: sizeBytes,
    CreatedAt: createdAt.toISOString(),
    LastUsedAt: lastUsedAt?.toISOString() ?? null,
    UsageCount: usageCount,
  };
}
