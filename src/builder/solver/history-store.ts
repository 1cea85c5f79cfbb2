import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { conflict, messageOf, notFound } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import type { HistoryChange, HistoryRecord } from "../builder.ts";
import type { BuildEvent } from "../events.ts";
import { HistoryWatch } from "./history-watch.ts";
import { decodeEvents, encodeEvents } from "./event-lines.ts";

/** Builds that are remembered. */
const MAX_RECORDS = 100;
/** Besides those: builds that somebody has pinned, whatever their logs take. */
const MAX_PINNED = 100;
/** What their logs may take on the disk, all together. */
const MAX_LOGS_BYTES = 64 << 20;
/** Of one build's events, compressed: a larger log is not kept. */
const MAX_LOG_BYTES = 4 << 20;
/** Of one build's events, uncompressed. */
const MAX_EVENTS_BYTES = 64 << 20;

const RECORD_FILE = /^([0-9a-f]{64})\.json$/;
const LOG_SUFFIX = ".log.gz";

const pack = promisify(gzip);
const unpack = promisify(gunzip);

/** Builds of the past: `<root>/<sha256 of the ref>.json`, and their events beside it, compressed. The newest are kept. */
export interface HistoryStore {
  /** Newest first. */
  list(): HistoryRecord[];
  /** Replaces what has the same ref. A full disk is no error; throws conflict for one pinned too many. */
  put(record: HistoryRecord): void;
  /** Nothing is left where it cannot be written. */
  putLog(ref: string, events: BuildEvent[]): Promise<void>;
  /** Throws not-found. */
  log(ref: string): Promise<BuildEvent[]>;
  /** Absent: nothing. */
  remove(ref: string): void;
  /** See `Builder.watchHistory`. */
  watch(signal: AbortSignal): AsyncIterable<HistoryChange>;
}

interface Known {
  record: HistoryRecord;
  logBytes: number;
}

/** Reads what is there. Builds that were running when the last daemon ended have failed. */
export function createHistoryStore({ root, logger }: { root: string; logger: Logger }): HistoryStore {
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const known = readRecords(root, logger);
  const changes = new HistoryWatch();
  /** A full disk ends no build: what is in memory is told until the daemon ends. */
  const write = (record: HistoryRecord) => {
    const path = join(root, `${nameOf(record.ref)}.json`);
    try {
      writeFileSync(`${path}.new`, JSON.stringify(record), { mode: 0o600 });
      renameSync(`${path}.new`, path);
    } catch (error) {
      rmSync(`${path}.new`, { force: true });
      logger.warn("writing the build history", { ref: record.ref, error: messageOf(error) });
    }
  };
  const remove = (ref: string) => {
    const record = known.get(ref)?.record;
    if (record === undefined) return;
    known.delete(ref);
    changes.tell({ type: "deleted", record });
    for (const suffix of [".json", LOG_SUFFIX]) rmSync(join(root, nameOf(ref) + suffix), { force: true });
  };
  const trim = () => {
    let [records, bytes] = [0, 0];
    for (const { record, logBytes } of newestFirst(known)) {
      if (record.pinned) continue;
      bytes += logBytes;
      const isTooMuch = ++records > MAX_RECORDS || bytes > MAX_LOGS_BYTES;
      if (isTooMuch && record.status !== "running") remove(record.ref);
    }
  };
  for (const { record } of known.values()) if (record.status === "running") write(interrupted(record, known));
  return {
    list: () => newestFirst(known).map(({ record }) => record),
    put(record) {
      if (record.pinned) checkPinned(known, record.ref);
      known.set(record.ref, { record, logBytes: known.get(record.ref)?.logBytes ?? 0 });
      trim();
      write(record);
      changes.tell({ type: record.completedAt === undefined ? "started" : "completed", record });
    },
    watch: (signal) => changes.changes(signal),
    async putLog(ref, events) {
      const bytes = await pack(encodeEvents(events, MAX_EVENTS_BYTES));
      const kept = known.get(ref);
      if (kept === undefined || bytes.length > MAX_LOG_BYTES) return;
      const path = join(root, nameOf(ref) + LOG_SUFFIX);
      try {
        writeFileSync(path, bytes, { mode: 0o600 });
      } catch (error) {
        rmSync(path, { force: true });
        throw error;
      }
      const now = known.get(ref);
      if (now !== undefined) now.logBytes = bytes.length;
      trim();
    },
    async log(ref) {
      if (!known.has(ref)) throw notFound("build", ref);
      try {
        const bytes = await readFile(join(root, nameOf(ref) + LOG_SUFFIX));
        return decodeEvents(await unpack(bytes, { maxOutputLength: MAX_EVENTS_BYTES }));
      } catch (error) {
        throw notFound("log of build", `${ref}: ${messageOf(error)}`);
      }
    },
    remove,
  };
}

function checkPinned(known: Map<string, Known>, ref: string): void {
  const others = [...known.values()].filter(({ record }) => record.pinned && record.ref !== ref);
  if (others.length >= MAX_PINNED) throw conflict(`${MAX_PINNED} builds are pinned already`);
}

/** A ref is the client's, and no name for a file. */
function nameOf(ref: string): string {
  return createHash("sha256").update(ref).digest("hex");
}

function newestFirst(known: Map<string, Known>): Known[] {
  return [...known.values()].sort((left, right) => right.record.startedAt.getTime() - left.record.startedAt.getTime());
}

function interrupted(record: HistoryRecord, known: Map<string, Known>): HistoryRecord {
  const ended: HistoryRecord = {
    ...record,
    status: "error",
    error: "the daemon ended while the build was running",
    completedAt: record.startedAt,
  };
  known.set(record.ref, { record: ended, logBytes: 0 });
  return ended;
}

/** Half-written files, and logs without a record, go. */
function readRecords(root: string, logger: Logger): Map<string, Known> {
  const known = new Map<string, Known>();
  const names = readdirSync(root);
  const wanted = new Set<string>();
  for (const name of names.filter((one) => RECORD_FILE.test(one))) {
    try {
      const record = parseRecord(readFileSync(join(root, name), "utf8"));
      const log = nameOf(record.ref) + LOG_SUFFIX;
      wanted.add(name).add(log);
      known.set(record.ref, { record, logBytes: names.includes(log) ? Bun.file(join(root, log)).size : 0 });
    } catch (error) {
      logger.warn("a record of the build history cannot be read", { name, error: messageOf(error) });
    }
  }
  for (const name of names) if (!wanted.has(name)) rmSync(join(root, name), { recursive: true, force: true });
  return known;
}

function parseRecord(text: string): HistoryRecord {
  const record = JSON.parse(text) as HistoryRecord & { startedAt: string; completedAt?: string };
  return {
    ...record,
    startedAt: new Date(record.startedAt),
    completedAt: record.completedAt === undefined ? undefined : new Date(record.completedAt),
    imageId: record.imageId ?? undefined,
    pinned: record.pinned === true,
  };
}
