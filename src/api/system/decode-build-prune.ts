import { invalid } from "../../base/errors.ts";
import type { PruneOptions } from "../../builder/builder.ts";
import { filters } from "../filters.ts";
import { flag } from "../query.ts";

/** Names that the limit has had; the cache is kept within the first that is given. `min-free-space` is not known here. */
const LIMITS = ["max-used-space", "reserved-space", "keep-storage"];

/** `POST /build/prune`. Throws invalid-argument. */
export function decodeBuildPrune(query: URLSearchParams): PruneOptions {
  const { label: _, "label!": __, ...known } = filters(query, "buildPrune");
  return { all: flag(query, "all"), filters: known, keepStorageBytes: limitOf(query) };
}

/** 0 and nothing: no limit. */
function limitOf(query: URLSearchParams): number | undefined {
  for (const name of LIMITS) {
    const text = query.get(name) ?? "";
    if (text === "") continue;
    const bytes = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(bytes))
      throw invalid(`${name} is in bytes and expects an integer, got ${text}`);
    if (bytes > 0) return bytes;
  }
  return undefined;
}
