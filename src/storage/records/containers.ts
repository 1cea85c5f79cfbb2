import type { Database } from "bun:sqlite";
import type { Migration } from "./database.ts";

/**
 * One container's row. `definition` changes only with rename, `run` with every change of state: two columns, so that the hot
 * path writes a few hundred bytes. Both are JSON texts of the containers noun, which alone knows what is in them.
 */
export interface ContainerRow {
  id: string;
  definition: string;
  run: string;
}

/** A started exec, kept only while it runs, so that a restarted daemon finds it again. */
export interface ExecRow {
  id: string;
  containerId: string;
  definition: string;
}

export interface ContainerRecords {
  /** Throws when the row exists. */
  insert(row: ContainerRow): void;
  updateDefinition(id: string, definition: string): void;
  updateRun(id: string, run: string): void;
  /** Removes the row and the rows of its execs. Absent: nothing. */
  delete(id: string): void;
  all(): ContainerRow[];
  insertExec(row: ExecRow): void;
  deleteExec(id: string): void;
  allExecs(): ExecRow[];
}

export const containerMigrations: Migration[] = [
  [
    "CREATE TABLE containers (id TEXT PRIMARY KEY, definition TEXT NOT NULL, run TEXT NOT NULL)",
    `CREATE TABLE execs (
       id TEXT PRIMARY KEY,
       container_id TEXT NOT NULL REFERENCES containers (id) ON DELETE CASCADE,
       definition TEXT NOT NULL
     )`,
    "CREATE INDEX execs_of_container ON execs (container_id)",
  ],
];

export function createContainerRecords(database: Database): ContainerRecords {
  const insert = database.query("INSERT INTO containers (id, definition, run) VALUES (?, ?, ?)");
  const updateDefinition = database.query("UPDATE containers SET definition = ? WHERE id = ?");
  const updateRun = database.query("UPDATE containers SET run = ? WHERE id = ?");
  const remove = database.query("DELETE FROM containers WHERE id = ?");
  const all = database.query<ContainerRow, []>("SELECT id, definition, run FROM containers");
  const insertExec = database.query("INSERT INTO execs (id, container_id, definition) VALUES (?, ?, ?)");
  const deleteExec = database.query("DELETE FROM execs WHERE id = ?");
  const allExecs = database.query<ExecRow, []>("SELECT id, container_id AS containerId, definition FROM execs");
  return {
    insert: (row) => void insert.run(row.id, row.definition, row.run),
    updateDefinition: (id, definition) => void updateDefinition.run(definition, id),
    updateRun: (id, run) => void updateRun.run(run, id),
    delete: (id) => void remove.run(id),
    all: () => all.all(),
    insertExec: (row) => void insertExec.run(row.id, row.containerId, row.definition),
    deleteExec: (id) => void deleteExec.run(id),
    allExecs: () => allExecs.all(),
  };
}

/** Records without a disk, for tests. */
export function createMemoryContainerRecords(): ContainerRecords {
  const rows = new Map<string, ContainerRow>();
  const execs = new Map<string, ExecRow>();
  const change = (id: string, fields: Partial<ContainerRow>) => {
    const row = rows.get(id);
    if (row !== undefined) rows.set(id, { ...row, ...fields });
  };
  return {
    insert(row) {
      if (rows.has(row.id)) throw new Error(`UNIQUE constraint failed: containers.id ${row.id}`);
      rows.set(row.id, row);
    },
    updateDefinition: (id, definition) => change(id, { definition }),
    updateRun: (id, run) => change(id, { run }),
    delete(id) {
      rows.delete(id);
      for (const exec of execs.values()) if (exec.containerId === id) execs.delete(exec.id);
    },
    all: () => [...rows.values()],
    insertExec: (row) => void execs.set(row.id, row),
    deleteExec: (id) => void execs.delete(id),
    allExecs: () => [...execs.values()],
  };
}
