import type { Database } from "bun:sqlite";
import type { Migration } from "./database.ts";

export interface VolumeRow {
  name: string;
  driver: string;
  /** Milliseconds since the epoch. */
  createdAtMs: number;
  labels: Record<string, string>;
  options: Record<string, string>;
  anonymous: boolean;
}

export interface VolumeRecords {
  /** Throws when the row exists. */
  insert(row: VolumeRow): void;
  delete(name: string): void;
  all(): VolumeRow[];
}

export const volumeMigrations: Migration[] = [
  [
    `CREATE TABLE volumes (
       name TEXT PRIMARY KEY,
       driver TEXT NOT NULL,
       created_at_ms INTEGER NOT NULL,
       labels TEXT NOT NULL,
       options TEXT NOT NULL,
       anonymous INTEGER NOT NULL
     )`,
  ],
];

interface StoredRow {
  name: string;
  driver: string;
  createdAtMs: number;
  labels: string;
  options: string;
  anonymous: number;
}

export function createVolumeRecords(database: Database): VolumeRecords {
  const insert = database.query(
    "INSERT INTO volumes (name, driver, created_at_ms, labels, options, anonymous) VALUES (?, ?, ?, ?, ?, ?)",
  );
  const remove = database.query("DELETE FROM volumes WHERE name = ?");
  const all = database.query<StoredRow, []>(
    "SELECT name, driver, created_at_ms AS createdAtMs, labels, options, anonymous FROM volumes",
  );
  return {
    insert(row) {
      insert.run(
        row.name,
        row.driver,
        row.createdAtMs,
        JSON.stringify(row.labels),
        JSON.stringify(row.options),
        row.anonymous ? 1 : 0,
      );
    },
    delete: (name) => void remove.run(name),
    all: () => all.all().map(decodeRow),
  };
}

function decodeRow(row: StoredRow): VolumeRow {
  return {
    ...row,
    labels: JSON.parse(row.labels) as Record<string, string>,
    options: JSON.parse(row.options) as Record<string, string>,
    anonymous: row.anonymous !== 0,
  };
}

/** Records without a disk, for tests. */
export function createMemoryVolumeRecords(): VolumeRecords {
  const rows = new Map<string, VolumeRow>();
  return {
    insert: (row) => void rows.set(row.name, row),
    delete: (name) => void rows.delete(name),
    all: () => [...rows.values()],
  };
}
