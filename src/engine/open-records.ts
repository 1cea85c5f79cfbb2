import type { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import type { NetworkRecord } from "../networks/network-records.ts";
import { BUILD_CACHE_MIGRATION, createBuildCacheRecords } from "../storage/records/build-cache.ts";
import { containerMigrations, createContainerRecords } from "../storage/records/containers.ts";
import { type Migration, openDatabase } from "../storage/records/database.ts";
import {
  createImageRecords,
  IMAGE_MIGRATION,
  IMAGE_PARENT_MIGRATION,
  IMAGE_TARGET_MIGRATION,
} from "../storage/records/images.ts";
import { createNetworkRecords, NETWORK_MIGRATION } from "../storage/records/networks.ts";
import { createUnfinishedPullRecords, UNFINISHED_PULL_MIGRATION } from "../storage/records/unfinished-pulls.ts";
import { createVolumeRecords, volumeMigrations } from "../storage/records/volumes.ts";

/** Grows at its end only: the position of a step is its schema version. */
const DATA_MIGRATIONS: Migration[] = [
  NETWORK_MIGRATION,
  ...volumeMigrations,
  IMAGE_MIGRATION,
  IMAGE_TARGET_MIGRATION,
  IMAGE_PARENT_MIGRATION,
  UNFINISHED_PULL_MIGRATION,
  BUILD_CACHE_MIGRATION,
];

/** The records' two databases: what a user would call data survives a power cut to the last transaction, containers do not wait for the disk. */
export function openRecords(dataRoot: string) {
  const directory = `${dataRoot}/records`;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const data = openDatabase(`${directory}/data.db`, DATA_MIGRATIONS, { durable: true });
  const containers = openDatabase(`${directory}/containers.db`, containerMigrations, { durable: false });
  return {
    networks: createNetworkRecords<NetworkRecord>(data),
    volumes: createVolumeRecords(data),
    images: createImageRecords(data),
    buildCache: createBuildCacheRecords(data),
    unfinishedPulls: createUnfinishedPullRecords(data),
    containers: createContainerRecords(containers),
    /** What SQLite finds wrong with them, as sentences. */
    check: () => [...faultsOf(data), ...faultsOf(containers)],
    close() {
      containers.close();
      data.close();
    },
  };
}

function faultsOf(database: Database): string[] {
  const rows = database.query<{ quick_check: string }, []>("PRAGMA quick_check").all();
  const dangling = database.query<{ table: string }, []>("PRAGMA foreign_key_check").all();
  return [
    ...rows.map(({ quick_check }) => quick_check).filter((text) => text !== "ok"),
    ...dangling.map(({ table }) => `a row of ${table} refers to one that is gone`),
  ];
}
