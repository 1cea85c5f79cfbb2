import { invalid } from "../../base/errors.ts";
import type { PruneOptions } from "../builder.ts";
import { pruneTest } from "./prune-filters.ts";

/** What happens when the cache grows. */
export interface GcPolicy {
  /** Carried out one after the other, each down to its `keepStorageBytes`; none: the cache grows without a limit. */
  rules: PruneOptions[];
}

/** What the cache may take where nobody says anything: a tenth of the disk, 10 GB at most. */
const DEFAULT_SHARE = 0.1;
const DEFAULT_BYTES = 10e9;

/** Docker 28 has more names for limits than the one of before; the cache is kept within the first that is given. */
const LIMIT_NAMES = ["maxUsedSpace", "reservedSpace", "keepStorage"];
const DEFAULT_LIMIT_NAMES = ["defaultMaxUsedSpace", "defaultReservedSpace", "defaultKeepStorage"];

const UNITS: Record<string, number> = { b: 1, k: 1 << 10, m: 1 << 20, g: 1 << 30, t: 2 ** 40, p: 2 ** 50 };

/**
 * `builder` of daemon.json as Docker reads it: `{ gc: { enabled, defaultKeepStorage, policy: [{ keepStorage, filter, all }] } }`. Throws
 * invalid-argument. Pure. @see moby daemon/config/builder.go
 */
export function parseGcPolicy(builder: unknown, diskBytes: number): GcPolicy {
  const gc = objectOf(objectOf(builder ?? {}, "builder")["gc"] ?? {}, "builder.gc");
  if (gc["enabled"] === false) return { rules: [] };
  const limit = limitOf(gc, DEFAULT_LIMIT_NAMES) ?? Math.min(diskBytes * DEFAULT_SHARE, DEFAULT_BYTES);
  const policy = listOf(gc["policy"] ?? [], "builder.gc.policy");
  if (policy.length === 0) return { rules: [{ all: false, filters: {}, keepStorageBytes: limit }] };
  return { rules: policy.map((rule) => parseRule(objectOf(rule, "builder.gc.policy"), limit)) };
}

function parseRule(rule: Record<string, unknown>, defaultBytes: number): PruneOptions {
  const filters: Record<string, string[]> = {};
  for (const text of listOf(rule["filter"] ?? [], "builder.gc.policy.filter").flatMap((one) =>
    String(one).split(","),
  )) {
    const [name = "", value = ""] = text.split(/=+(.*)/s);
    filters[name] = [...(filters[name] ?? []), value];
  }
  const parsed = { all: rule["all"] === true, filters, keepStorageBytes: limitOf(rule, LIMIT_NAMES) ?? defaultBytes };
  // Throws for filters that there are not.
  pruneTest(parsed, new Date(0));
  return parsed;
}

function limitOf(value: Record<string, unknown>, names: string[]): number | undefined {
  const name = names.find((one) => sizeOf(value[one]) !== undefined);
  return name === undefined ? undefined : parseBytes(name, value[name]);
}

/** 0 is none, as nothing. */
function sizeOf(value: unknown): unknown {
  return value === "" || value === 0 || value === "0" ? undefined : value;
}

/** `20GB`, `512m`, `1.5GiB`, or a number of bytes; units are powers of 1024, as for Docker's daemon. */
function parseBytes(name: string, value: unknown): number {
  const [, number, unit = "b"] = /^(\d+(?:\.\d+)?) ?([bkmgtp]?)i?b?$/i.exec(String(value).trim()) ?? [];
  if (number === undefined) throw invalid(`invalid size ${JSON.stringify(value)} of ${name}`);
  return Math.floor(Number(number) * (UNITS[unit.toLowerCase()] ?? 1));
}

function objectOf(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid(`${name} must be an object`);
  return value as Record<string, unknown>;
}

function listOf(value: unknown, name: string): unknown[] {
  if (!Array.isArray(value)) throw invalid(`${name} must be a list`);
  return value;
}
