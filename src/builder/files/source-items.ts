import { EngineError } from "../../base/errors.ts";
import type { SelectionRules } from "./files-request.ts";
import { createPathFilter, type PathFilter } from "./path-filter.ts";
import {
  components,
  follow,
  hasWildcards,
  type Match,
  missing,
  type SourcePath,
  type SourceTree,
  selectSources,
} from "./selection.ts";

/** What one source of an instruction comes to: a directory, whose contents are copied, or something else. */
export interface SourceItem extends Match {
  /** For a directory: of what is in it; else of its name. */
  filter: PathFilter | undefined;
}

/** Throws not-found for what is not there, invalid-argument for patterns that cannot be read. */
export function sourceItems(tree: SourceTree, source: SourcePath, rules: SelectionRules): SourceItem[] {
  if (rules.parents) return withParents(tree, source, rules.exclude);
  const filter = createPathFilter(undefined, rules.exclude);
  return selectSources(tree, source).map((match) => ({ ...match, filter }));
}

/** All from the pivot (`/./`) on keeps its directories: a copy of the directory there, of which only the path is taken. */
function withParents(tree: SourceTree, { path, optional }: SourcePath, exclude: string[]): SourceItem[] {
  const pivot = path.indexOf("/./");
  const [before, after] = pivot < 0 ? ["", path] : [path.slice(0, pivot), path.slice(pivot + 3)];
  const base = follow(tree, components(before));
  const pattern = components(after);
  const exact = base === undefined || pattern.some(hasWildcards) || pattern.length === 0;
  const found = exact || tree.stat([base, ...pattern].filter((part) => part !== "").join("/")) !== undefined;
  if (base === undefined || !found) {
    if (optional) return [];
    throw missing([...components(before), ...pattern].join("/"));
  }
  if (base !== "" && tree.stat(base)?.kind !== "directory") {
    throw new EngineError("invalid-argument", `/${base} is not a directory`);
  }
  const include = pattern.length === 0 ? undefined : [pattern.join("/")];
  return [{ name: "", path: base, isDirectory: true, filter: createPathFilter(include, exclude) }];
}
