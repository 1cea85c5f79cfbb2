import type { Database } from "bun:sqlite";
import type { Migration } from "./database.ts";

export const NETWORK_MIGRATION: Migration = [
  "CREATE TABLE networks (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, record TEXT NOT NULL) STRICT",
];

/** A network as its service keeps it; only what this table reads is named. */
interface StoredNetwork {
  id: string;
  name: string;
  createdAt: Date;
}

/** Networks as JSON, one row each, by ID; names are unique. `T` is the noun's own record: plain data besides `createdAt`. */
export function createNetworkRecords<T extends StoredNetwork>(
  database: Database,
): { list(): T[]; put(record: T): void; remove(id: string): void } {
  const list = database.query<{ record: string }, []>("SELECT record FROM networks ORDER BY rowid");
  const put = database.query<unknown, [string, string, string]>(
    "INSERT INTO networks (id, name, record) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name, record = excluded.record",
  );
  const remove = database.query<unknown, [string]>("DELETE FROM networks WHERE id = ?");
  return {
    list: () =>
      list.all().map(({ record }) => {
        const stored = JSON.parse(record) as T;
        return { ...stored, createdAt: new Date(stored.createdAt) };
      }),
    put: (record) => void put.run(record.id, record.name, JSON.stringify(record)),
    remove: (id) => void remove.run(id),
  };
}
