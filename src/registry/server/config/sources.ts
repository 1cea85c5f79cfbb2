import { readFileSync } from "node:fs";
import { invalid, messageOf } from "../../../base/errors.ts";
import { isObject } from "../../../formats/oci/json.ts";
import type { Settings } from "./config.ts";
import { CONFIG_OPTIONS, type ConfigOption } from "./options.ts";

/** Settings of a YAML or JSON file (JSON is YAML): the names of the flags, without dashes in front. Throws invalid-argument. */
export function settingsFromFile(path: string): Settings {
  let document: unknown;
  try {
    document = Bun.YAML.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw invalid(`configuration ${path}: ${messageOf(cause)}`, { cause });
  }
  if (document === null || document === undefined) return {};
  if (!isObject(document)) throw invalid(`configuration ${path}: is not a list of settings`);
  return Object.fromEntries(Object.entries(document).map(([key, value]) => [key, textsOf(value, `${path}: ${key}`)]));
}

function textsOf(value: unknown, what: string): string[] {
  const values: unknown[] = Array.isArray(value) ? value : [value];
  return values.map((item) => {
    if (typeof item === "string" || typeof item === "number" || typeof item === "boolean") return String(item);
    throw invalid(`configuration ${what} is neither a text, a number, true, false nor a list of them`);
  });
}

export function settingsFromEnvironment(environment: Record<string, string | undefined>): Settings {
  const settings: Settings = {};
  for (const option of CONFIG_OPTIONS as readonly ConfigOption[]) {
    const value = option.environment === undefined ? undefined : environment[option.environment];
    if (value !== undefined && value !== "") settings[option.name] = [value];
  }
  return settings;
}
