import { createHash } from "node:crypto";
import { posix } from "node:path";
import { EngineError } from "../../../base/errors.ts";
import type { FileSource, SourceEntry, VertexResult } from "../../results.ts";

/** As the kernel's MAXSYMLINKS. */
const MAX_LINKS = 40;

/** What is known of files that never change: their table of contents, and digests by path. */
interface Known {
  byPath: Map<string, SourceEntry>;
  digests: Map<string, string>;
}

/**
 * Names what a mount of `path` of the input shows: of a tree the stack and the path; of files their names, kinds, modes, owners,
 * links and contents, but no times. Throws not-found where files have no such path.
 */
export type SourceDigests = (input: VertexResult, path: string) => string;

/** Remembers what it has computed for as long as the files' source is in use. */
export function createSourceDigests(): SourceDigests {
  const sources = new WeakMap<FileSource, Known>();
  const knownOf = (source: FileSource): Known => {
    const known = sources.get(source) ?? { byPath: tableOf(source), digests: new Map<string, string>() };
    sources.set(source, known);
    return known;
  };
  return (input, path) => {
    if (input.kind === "tree") return `${input.chainId ?? "scratch"} ${posix.join("/", path)}`;
    const { byPath, digests } = knownOf(input.source);
    const found = resolve(byPath, path);
    if (found === undefined) throw sourceNotFound(path);
    const digest = digests.get(found) ?? digestBelow(input.source, found, byPath);
    digests.set(found, digest);
    return digest;
  };
}

function tableOf({ entries }: FileSource): Map<string, SourceEntry> {
  return new Map(entries.map((entry) => [entry.path, entry]));
}

/** `path`: as resolved. */
function digestBelow({ entries }: FileSource, path: string, byPath: Known["byPath"]): string {
  const hash = createHash("sha256");
  const prefix = path === "" ? "" : `${path}/`;
  for (const entry of entries) {
    const isInside = entry.path === path || entry.path.startsWith(prefix);
    if (!isInside) continue;
    hash.update(JSON.stringify([entry.path.slice(prefix.length), ...factsOf(entry, byPath)]));
  }
  return `sha256:${hash.digest("hex")}`;
}

/** BuildKit's words for a path that its source does not have. */
export function sourceNotFound(path: string): EngineError {
  return new EngineError("not-found", `${JSON.stringify(posix.join("/", path))}: not found`);
}

function factsOf(entry: SourceEntry, byPath: Map<string, SourceEntry>): (string | number)[] {
  const { type, mode, uid, gid, linkName, hardlinkTo, deviceMajor, deviceMinor } = entry;
  const digest = entry.digest || (hardlinkTo === undefined ? "" : (byPath.get(hardlinkTo)?.digest ?? ""));
  return [type, mode, uid, gid, type === "symlink" ? linkName : "", digest, deviceMajor, deviceMinor];
}

/** The path without links, "" for the root; links lead nowhere outside. undefined: there is nothing. */
function resolve(byPath: Map<string, SourceEntry>, path: string): string | undefined {
  const todo = path.split("/").filter(isName);
  let here = "";
  let links = 0;
  for (let name = todo.shift(); name !== undefined; name = todo.shift()) {
    if (name === "..") {
      here = here.includes("/") ? posix.dirname(here) : "";
      continue;
    }
    const next = here === "" ? name : `${here}/${name}`;
    const entry = byPath.get(next);
    if (entry === undefined || (entry.type !== "directory" && entry.type !== "symlink" && todo.length > 0)) {
      return undefined;
    }
    if (entry.type !== "symlink") {
      here = next;
      continue;
    }
    if (++links > MAX_LINKS) return undefined;
    if (entry.linkName.startsWith("/")) here = "";
    todo.unshift(...entry.linkName.split("/").filter(isName));
  }
  return here;
}

function isName(name: string): boolean {
  return name !== "" && name !== ".";
}
