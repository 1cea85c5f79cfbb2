import type { Database } from "bun:sqlite";
import type { Migration } from "./database.ts";
import type { LayerRow } from "./images.ts";

/** What one build step made, by what it was made of. */
export interface BuildCacheRow {
  /** Digest of the step and its inputs. */
  key: string;
  /** The stack after the step. */
  chainId: string;
  /** The stack before it; undefined: nothing. */
  parentChainId: string | undefined;
  /** Layers that the step added, base first; none: it changed nothing. */
  layers: LayerRow[];
  /** For people: `[build 2/5] RUN make`. */
  description: string;
  createdAtMs: number;
  lastUsedAtMs: number;
  usageCount: number;
}

export interface BuildCacheRecords {
  all(): BuildCacheRow[];
  /**
   * One transaction, which does not wait for the disk: a record is worth no more than its layer, and a power cut that takes the one may
   * take the other. Replaces what has the same key.
   */
  write(changes: { put: BuildCacheRow[]; deleted: string[] }): void;
}

export const BUILD_CACHE_MIGRATION: Migration = [
  `CREATE TABLE build_cache (
     key TEXT PRIMARY KEY,
     chain_id TEXT NOT NULL,
     parent_chain_id TEXT,
     layers TEXT NOT NULL,
     description TEXT NOT NULL,
     created_at_ms INTEGER NOT NULL,
     last_used_at_ms INTEGER NOT NULL,
     usage_count INTEGER NOT NULL
   ) WITHOUT ROWID`,
];

type StoredRow = Omit<BuildCacheRow, "layers" | "parentChainId"> & { layers: string; parentChainId: string | null };

export function createBuildCacheRecords(database: Database): BuildCacheRecords {
  const all = database.query<StoredRow, []>(
    `SELECT key, chain_id AS chainId, parent_chain_id AS parentChainId, layers, description, created_at_ms AS createdAtMs,
       last_used_at_ms AS lastUsedAtMs, usage_count AS usageCount FROM build_cache`,
  );
  const put = database.query(
    `INSERT OR REPLACE INTO build_cache (key, chain_id, parent_chain_id, layers, description, created_at_ms, last_used_at_ms, usage_count)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const remove = database.query("DELETE FROM build_cache WHERE key = ?");
  const putRow = (row: BuildCacheRow) =>
    put.run(
      row.key,
      row.chainId,
      row.parentChainId ?? null,
      JSON.stringify(row.layers),
      row.description,
      row.createdAtMs,
      row.lastUsedAtMs,
      row.usageCount,
    );
  return {
    all: () =>
      all.all().map(({ layers, parentChainId, ...row }) => ({
        ...row,
        parentChainId: parentChainId ?? undefined,
        layers: JSON.parse(layers) as LayerRow[],
      })),
    write(changes) {
      database.run("PRAGMA synchronous = NORMAL");
      try {
        database.transaction(() => {
          for (const key of changes.deleted) remove.run(key);
          for (const row of changes.put) putRow(row);
        })();
      } finally {
        database.run("PRAGMA synchronous = FULL");
      }
    },
  };
}
