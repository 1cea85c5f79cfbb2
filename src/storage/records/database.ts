import { Database } from "bun:sqlite";
import { EngineError } from "../../base/errors.ts";

/** One step of the schema: statements that bring the database from the version before to this one. Never edited once released. */
export type Migration = string[];

/**
 * The records' database: SQLite in WAL mode, one writer (this process). `durable`: synchronous=FULL, for what a user would call
 * data; otherwise NORMAL, which loses at most the last transactions in a power cut and nothing when the process is killed.
 * Throws unavailable when the file was written by a newer schema: downgrading must not reset anything.
 */
export function openDatabase(path: string, migrations: Migration[], options: { durable: boolean }): Database {
  const database = new Database(path, { create: true, strict: true });
  database.run("PRAGMA journal_mode = WAL");
  database.run(`PRAGMA synchronous = ${options.durable ? "FULL" : "NORMAL"}`);
  database.run("PRAGMA foreign_keys = ON");
  const { user_version: version } = database.query("PRAGMA user_version").get() as { user_version: number };
  if (version > migrations.length) {
    database.close();
    throw new EngineError(
      "unavailable",
      `${path} has schema version ${version}, this program knows ${migrations.length}: use the newer Gantry that wrote it`,
    );
  }
  for (let index = version; index < migrations.length; index++) {
    database.transaction(() => {
      for (const statement of migrations[index] ?? []) database.run(statement);
      database.run(`PRAGMA user_version = ${index + 1}`);
    })();
  }
  return database;
}
