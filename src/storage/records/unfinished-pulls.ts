import type { Database } from "bun:sqlite";
import type { Migration } from "./database.ts";

/** A pull that has begun and not ended well: what it has brought so far is for the next attempt. */
export interface UnfinishedPullRow {
  /** Canonical, with the platform that was asked for if there was one. */
  pull: string;
  /** Digests of blobs and chainIDs of layers. */
  keys: string[];
  begunAtMs: number;
}

export interface UnfinishedPullRecords {
  all(): UnfinishedPullRow[];
  /** Replaces an earlier attempt. */
  put(row: UnfinishedPullRow): void;
  /** Absent: nothing. */
  delete(pull: string): void;
}

export const UNFINISHED_PULL_MIGRATION: Migration = [
  `CREATE TABLE unfinished_pulls (
     pull TEXT PRIMARY KEY,
     keys TEXT NOT NULL,
     begun_at_ms INTEGER NOT NULL
   ) WITHOUT ROWID`,
];

export function createUnfinishedPullRecords(database: Database): UnfinishedPullRecords {
  const all = database.query<{ pull: string; keys: string; begunAtMs: number }, []>(
    "SELECT pull, keys, begun_at_ms AS begunAtMs FROM unfinished_pulls",
  );
  const put = database.query(
    `INSERT INTO unfinished_pulls (pull, keys, begun_at_ms) VALUES (?, ?, ?)
     ON CONFLICT (pull) DO UPDATE SET keys = excluded.keys, begun_at_ms = excluded.begun_at_ms`,
  );
  const remove = database.query("DELETE FROM unfinished_pulls WHERE pull = ?");
  return {
    all: () => all.all().map((row) => ({ ...row, keys: JSON.parse(row.keys) as string[] })),
    put: ({ pull, keys, begunAtMs }) => void put.run(pull, JSON.stringify(keys), begunAtMs),
    delete: (pull) => void remove.run(pull),
  };
}
