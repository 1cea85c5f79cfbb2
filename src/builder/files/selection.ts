import { EngineError, invalid, isKind } from "../../base/errors.ts";
import { matchTokens, parseGlob } from "../../formats/dockerignore/glob.ts";

/** What a source path is looked up in. Paths are relative to the root, without links in them; "" is the root. */
export interface SourceTree {
  /** Of the name itself: no link is followed. undefined: nothing. */
  stat(path: string): SourceNode | undefined;
  /** In byte order. */
  names(directory: string): string[];
}

export type SourceNode = { kind: "file" | "directory" | "other" } | { kind: "symlink"; target: string };

/** One of the things that a source path stands for. */
export interface Match {
  /** What it is called where it is put into a directory. */
  name: string;
  /** Where it really is: all links followed, the last one too. */
  path: string;
  isDirectory: boolean;
}

export interface SourcePath {
  path: string;
  wildcards: boolean;
  /** Nothing there is no error. */
  optional: boolean;
}

const MAX_SYMLINKS = 255;
/** Of a pattern's matches; they are held in memory. */
const MAX_MATCHES = 1_000_000;

/**
 * What a COPY reads: the path itself, or all that matches its wildcards, which never match across or through a link. A wildcard
 * that matches nothing is nothing, as with BuildKit. Throws not-found for what is not there. Pure but for the tree.
 */
export function selectSources(tree: SourceTree, { path, wildcards, optional }: SourcePath): Match[] {
  const parts = components(path);
  const first = wildcards ? parts.findIndex(hasWildcards) : -1;
  if (first < 0) {
    const plain = wildcards ? parts.map(unescape) : parts;
    const real = follow(tree, plain);
    if (real !== undefined) return [matchOf(tree, plain.at(-1) ?? "", real)];
    if (optional) return [];
    throw missing(plain.join("/"));
  }
  const base = parts.slice(0, first).map(unescape);
  const real = follow(tree, base);
  if (real === undefined) {
    if (optional) return [];
    throw new EngineError("not-found", `lstat /${base.join("/")}: no such file or directory`);
  }
  return expand(tree, real, parts.slice(first).map(componentPattern)).flatMap((found) => {
    const followed = follow(tree, components(found));
    if (followed === undefined) throw missing(found);
    return [matchOf(tree, found.slice(found.lastIndexOf("/") + 1), followed)];
  });
}

export function missing(path: string): EngineError {
  return new EngineError("not-found", `failed to compute cache key: "/${path}": not found`);
}

export function tooLarge(path: string, limitBytes: number): EngineError {
  return invalid(`${path} is larger than ${limitBytes} bytes`);
}

export function notRegular(path: string): EngineError {
  return invalid(`${path} is not a regular file`);
}

/** Where a path leads, links followed inside the root. undefined: nowhere. */
export function follow(tree: SourceTree, path: string[]): string | undefined {
  const todo = [...path];
  let here: string[] = [];
  let links = 0;
  for (let name = todo.shift(); name !== undefined; name = todo.shift()) {
    if (name === "..") {
      here.pop();
      continue;
    }
    const at = [...here, name].join("/");
    const node = tree.stat(at);
    if (node === undefined) return undefined;
    if (node.kind === "symlink") {
      if (++links > MAX_SYMLINKS) throw invalid(`/${path.join("/")}: too many links`);
      if (node.target.startsWith("/")) here = [];
      todo.unshift(...components(node.target, { climbing: true }));
      continue;
    }
    if (node.kind !== "directory" && todo.length > 0) return undefined;
    here.push(name);
  }
  return here.join("/");
}

/** Paths never leave their root: `..` at the top is nothing. `climbing`: it stays, for what it is relative to. */
export function components(path: string, { climbing } = { climbing: false }): string[] {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === ".." && !climbing) parts.pop();
    else parts.push(part);
  }
  return parts;
}

function matchOf(tree: SourceTree, name: string, path: string): Match {
  return { name, path, isDirectory: path === "" || tree.stat(path)?.kind === "directory" };
}

function expand(tree: SourceTree, base: string, patterns: ((name: string) => boolean)[]): string[] {
  const [matches, ...rest] = patterns;
  if (matches === undefined) return [base];
  const found: string[] = [];
  for (const name of tree.names(base)) {
    if (!matches(name)) continue;
    const path = base === "" ? name : `${base}/${name}`;
    if (rest.length > 0 && tree.stat(path)?.kind !== "directory") continue;
    for (const below of rest.length === 0 ? [path] : expand(tree, path, rest)) found.push(below);
    if (found.length > MAX_MATCHES) throw invalid(`a wildcard matches more than ${MAX_MATCHES} names`);
  }
  return found;
}

export function hasWildcards(component: string): boolean {
  return /[*?[]/.test(component.replace(/\\./gs, ""));
}

function unescape(component: string): string {
  return component.replace(/\\(.)/gs, "$1");
}

/** One component of a pattern, as Go's filepath.Match reads it; one that it cannot read matches nothing. */
function componentPattern(component: string): (name: string) => boolean {
  try {
    const tokens = parseGlob(component);
    return (name) => matchTokens(tokens, name);
  } catch (error) {
    if (!isKind(error, "invalid-argument")) throw error;
    return () => false;
  }
}
