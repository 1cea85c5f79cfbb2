import { cleanPath } from "../../base/clean-path.ts";

/**
 * What has to be transferred for these paths of a context, relative and sorted; empty: everything. Wildcards may be in them.
 * @see BuildKit frontend/dockerfile/dockerfile2llb/convert.go `normalizeContextPaths`
 */
export function neededPaths(paths: Iterable<string>): string[] {
  const needed = new Set<string>();
  for (const path of paths) {
    const clean = belowRoot(path);
    if (clean === "/") return [];
    needed.add(clean.slice(1));
  }
  return [...needed].sort();
}

/** Absolute and cleaned; `..` ends at the root. "" and "." are the root. */
export function belowRoot(path: string): string {
  return cleanPath(`/${path}`);
}

/** The same, but a slash at the end, or `/.`, stays a slash at the end. */
export function belowRootAsWritten(base: string, path: string): string {
  const clean = belowRoot(path.startsWith("/") ? path : `${base}/${path}`);
  const isDirectory = path === "" || path === "." || path.endsWith("/") || path.endsWith("/.");
  return isDirectory && clean !== "/" ? `${clean}/` : clean;
}

/** Whether a path has Go's wildcards in it. A backslash takes the meaning from what follows. */
export function hasWildcards(path: string): boolean {
  for (let at = 0; at < path.length; at++) {
    const character = path[at];
    if (character === "*" || character === "?" || character === "[") return true;
    if (character === "\\") at++;
  }
  return false;
}
