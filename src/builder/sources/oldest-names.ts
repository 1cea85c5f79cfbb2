import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** Of the names in a directory that match, those beyond the `keep` that were used (their modification time) last. */
export function oldestNames(directory: string, pattern: RegExp, keep: number): string[] {
  return readdirSync(directory)
    .filter((name) => pattern.test(name))
    .map((name) => ({ name, usedAt: statSync(join(directory, name)).mtimeMs }))
    .sort((one, other) => other.usedAt - one.usedAt)
    .slice(keep)
    .map(({ name }) => name);
}
