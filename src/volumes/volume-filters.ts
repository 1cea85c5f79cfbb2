import { invalid } from "../base/errors.ts";
import type { Volume } from "./volumes.ts";

const LIST = new Set(["dangling", "name", "driver", "label"]);
const PRUNE = new Set(["label", "label!", "all"]);
const TRUE = new Set(["1", "true", "t"]);
const FALSE = new Set(["0", "false", "f"]);

export type VolumeFilters = Record<string, string[]>;

/** Throws invalid-argument with Docker's text. */
export function validateVolumeFilters(filters: VolumeFilters, use: "list" | "prune"): void {
  for (const name of Object.keys(filters)) {
    if (!(use === "list" ? LIST : PRUNE).has(name)) throw invalid(`invalid filter '${name}'`);
  }
  for (const name of ["dangling", "all"]) if (filters[name] !== undefined) isSet(filters, name);
}

/** Whether a boolean filter is true; false when it is not given. Throws invalid-argument for other values. */
export function isSet(filters: VolumeFilters, name: string): boolean {
  const values = filters[name] ?? [];
  for (const value of values) {
    if (!TRUE.has(value.toLowerCase()) && !FALSE.has(value.toLowerCase())) {
      throw invalid(`invalid filter '${name}=${values.join(",")}'`);
    }
  }
  return values.some((value) => TRUE.has(value.toLowerCase()));
}

export function matchesVolume(volume: Volume, filters: VolumeFilters, isHeld: boolean): boolean {
  const { dangling, name, driver, label } = filters;
  if (dangling !== undefined && dangling.length > 0 && isSet(filters, "dangling") === isHeld) return false;
  if (name !== undefined && name.length > 0 && !name.some((part) => volume.name.includes(part))) return false;
  if (driver !== undefined && driver.length > 0 && !driver.includes(volume.driver)) return false;
  return (label ?? []).every((wanted) => hasLabel(volume, wanted));
}

/** `prune` without `all=true` takes anonymous volumes only. */
export function isPrunable(volume: Volume, filters: VolumeFilters): boolean {
  if (!volume.anonymous && !isSet(filters, "all")) return false;
  if (!(filters.label ?? []).every((wanted) => hasLabel(volume, wanted))) return false;
  return !(filters["label!"] ?? []).some((unwanted) => hasLabel(volume, unwanted));
}

function hasLabel({ labels }: Volume, wanted: string): boolean {
  const equals = wanted.indexOf("=");
  const key = equals === -1 ? wanted : wanted.slice(0, equals);
  return Object.hasOwn(labels, key) && (equals === -1 || labels[key] === wanted.slice(equals + 1));
}
