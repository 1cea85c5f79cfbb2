import { lstatSync, readdirSync, readlinkSync } from "node:fs";
import { matchGlob } from "../../formats/dockerignore/glob.ts";

/** Links that are followed for one name. @see the kernel's own limit */
const MAX_LINKS = 40;
const WILDCARD = /[*?[\\]/;

/** Whether `pattern` (Go's filepath.Match, and `**` for any number of components) leads to, or below, or above `path`. Pure. */
export interface Inclusion {
  /** The path itself, or a directory above it, is named. */
  includes(path: string): boolean;
  /** Something below this directory may be. */
  mayHold(directory: string): boolean;
}

export const EVERYTHING: Inclusion = { includes: () => true, mayHold: () => true };

/** Patterns of `include`; none: everything. Throws for a pattern that is none. */
export function inclusionOf(patterns: readonly string[]): Inclusion {
  const parsed = patterns.map((pattern) => components(pattern).map(componentMatcher));
  if (parsed.length === 0 || parsed.some((one) => one.length === 0)) return EVERYTHING;
  return {
    includes: (path) => {
      const names = path.split("/");
      return parsed.some((one) => leadsTo(one, names));
    },
    mayHold: (directory) => {
      const names = directory.split("/");
      return parsed.some((one) => leadsTo(one, names) || passesThrough(one, names));
    },
  };
}

type ComponentMatcher = "any-depth" | ((name: string) => boolean);

function components(pattern: string): string[] {
  return pattern.split("/").filter((part) => part !== "" && part !== ".");
}

function componentMatcher(component: string): ComponentMatcher {
  if (component === "**") return "any-depth";
  if (!WILDCARD.test(component)) return (name) => name === component;
  return (name) => matchGlob(component, name);
}

/** The whole pattern matches the path or a directory above it. */
function leadsTo(pattern: readonly ComponentMatcher[], names: readonly string[], from = 0, at = 0): boolean {
  const first = pattern[from];
  if (first === undefined) return true;
  if (first === "any-depth") {
    for (let next = at; next <= names.length; next++) if (leadsTo(pattern, names, from + 1, next)) return true;
    return false;
  }
  const name = names[at];
  return name !== undefined && first(name) && leadsTo(pattern, names, from + 1, at + 1);
}

/** The directory matches the beginning of the pattern. */
function passesThrough(pattern: readonly ComponentMatcher[], names: readonly string[]): boolean {
  for (const [at, name] of names.entries()) {
    const one = pattern[at];
    if (one === undefined) return false;
    if (one === "any-depth") return true;
    if (!one(name)) return false;
  }
  return true;
}

/**
 * The names that `paths` lead to by way of links, all within `root`: the links themselves, and what they stand for. Names that are not
 * there stay as they are. @see BuildKit's fsutil FollowLinks
 */
export function followLinks(root: string, paths: readonly string[]): string[] {
  const found = new Set<string>();
  for (const path of paths) follow(root, { done: "", rest: components(path.replace(/^\/+/, "")), links: 0 }, found);
  return [...found];
}

interface Place {
  done: string;
  rest: string[];
  links: number;
}

function follow(root: string, { done, rest, links }: Place, found: Set<string>): void {
  const [name, ...after] = rest;
  if (name === undefined) {
    found.add(done);
    return;
  }
  if (name === "..") return follow(root, { done: parentOf(done), rest: after, links }, found);
  if (WILDCARD.test(name)) {
    for (const one of namesIn(`${root}/${done}`)) {
      if (matchGlob(name, one)) follow(root, { done, rest: [one, ...after], links }, found);
    }
    return;
  }
  const path = done === "" ? name : `${done}/${name}`;
  const status = lstatSync(`${root}/${path}`, { throwIfNoEntry: false });
  if (status?.isSymbolicLink() !== true || links >= MAX_LINKS) {
    return follow(root, { done: path, rest: after, links }, found);
  }
  found.add(path);
  const target = readlinkSync(`${root}/${path}`);
  const base = target.startsWith("/") ? "" : done;
  follow(root, { done: base, rest: [...components(target), ...after], links: links + 1 }, found);
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // no directory, or none of ours: the walk tells
  }
}
