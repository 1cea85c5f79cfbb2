import { Database } from "bun:sqlite";
import { closeSync, openSync } from "node:fs";
import { EngineError } from "../../base/errors.ts";
import { reserveBlocks } from "../../kernel/files.ts";

/** Room in the write-ahead log: for some hundred removals when the disk has no more. */
const LOG_RESERVE_BYTES = 1 << 20;

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
  reserveLog(`${path}-wal`);
  return database;
}

/** Also a removal writes: on a full disk nothing could give space back. SQLite reuses the log in place, so its blocks stay ours. */
function reserveLog(path: string): void {
  const fd = openSync(path, "r+");
  try {
    reserveBlocks(fd, LOG_RESERVE_BYTES);
  } catch {
    // A disk that is full already, or a file system that cannot: then as it is.
  } finally {
    closeSync(fd);
  }
}
