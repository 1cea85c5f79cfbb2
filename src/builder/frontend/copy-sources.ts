import { posix } from "node:path";
import { invalid } from "../../base/errors.ts";
import { parseDigest } from "../../formats/oci/digest.ts";
import type { CopySource, SourceOp } from "../graph.ts";
import { belowRoot, hasWildcards } from "./context-paths.ts";
import { parseGitReference, validateCommit } from "./git-reference.ts";
import { withoutPasswords } from "./without-passwords.ts";

/** A source of ADD or COPY: a path of what is copied from, or something that has to be fetched first. */
export type PlannedSource =
  | { kind: "path"; needed: string; source: Omit<CopySource, "input"> }
  | { kind: "fetched"; op: SourceOp; name: string; source: Omit<CopySource, "input"> };

/** Flags, their variables replaced. */
export interface SourceOptions {
  instruction: "ADD" | "COPY";
  parents: boolean;
  keepGitDir: boolean | undefined;
  checksum: string | undefined;
  unpack: boolean | undefined;
}

/** Name of a file whose URL has none. */
const UNNAMED = "__unnamed__";

/** @see BuildKit frontend/dockerfile/dockerfile2llb/convert_copy.go `dispatchCopy` */
export function planSource(text: string, options: SourceOptions): PlannedSource {
  const git = parseGitReference(text, options.keepGitDir !== undefined && isHttp(text));
  if (git !== undefined) {
    if (options.instruction === "COPY") throw invalid("source can't be a git ref for COPY");
    return gitSource(git, options);
  }
  if (isHttp(text)) {
    if (options.instruction === "COPY") throw invalid("source can't be a URL for COPY");
    return httpSource(text, options);
  }
  if (options.checksum !== undefined) throw invalid("checksum requires HTTP(S) or Git sources");
  const path = options.parents ? pivotedPath(text) : belowRoot(text);
  const detects = options.unpack ?? options.instruction === "ADD";
  return {
    kind: "path",
    needed: belowRoot(text),
    source: { path, wildcards: hasWildcards(path), unpack: detects ? "detect" : "never", optional: false },
  };
}

function isHttp(text: string): boolean {
  return /^https?:\/\//.test(text);
}

/** With `--parents` the directories behind `/./` are kept: the mark stays in the path. */
function pivotedPath(text: string): string {
  const at = text.indexOf("/./");
  if (at === -1) return belowRoot(text);
  const [parent, kept] = [belowRoot(text.slice(0, at)), belowRoot(text.slice(at + 3))];
  return `${parent === "/" ? "" : parent}/.${kept}`;
}

function gitSource(
  git: NonNullable<ReturnType<typeof parseGitReference>>,
  options: SourceOptions,
): Extract<PlannedSource, { kind: "fetched" }> {
  const { remote, ref, subdirectory, keepGitDirectory, submodules } = git;
  if (keepGitDirectory !== undefined && options.keepGitDir !== undefined && keepGitDirectory !== options.keepGitDir) {
    throw invalid("inconsistent keep-git-dir configuration");
  }
  if (git.checksum !== undefined && options.checksum !== undefined && git.checksum !== options.checksum) {
    throw invalid(`checksum mismatch ${JSON.stringify(options.checksum)} != ${JSON.stringify(git.checksum)}`);
  }
  if (options.checksum !== undefined) validateCommit(options.checksum);
  return {
    kind: "fetched",
    op: {
      kind: "git",
      remote,
      ref,
      subdirectory,
      keepGitDirectory: keepGitDirectory ?? options.keepGitDir ?? false,
      checksum: options.checksum ?? git.checksum,
      ...(submodules === false ? { submodules } : {}),
    },
    name: `[internal] load git source ${withoutPasswords(remote)}`,
    source: { path: "/", wildcards: false, unpack: "never", optional: false },
  };
}

function httpSource(text: string, { checksum, unpack }: SourceOptions): Extract<PlannedSource, { kind: "fetched" }> {
  const url = URL.parse(text);
  if (url === null) throw invalid(`invalid URL ${JSON.stringify(text)}`);
  const fileName = nameOf(url);
  return {
    kind: "fetched",
    op: { kind: "http", url: text, checksum: checksum === undefined ? undefined : parseDigest(checksum), fileName },
    name: `[internal] load ${withoutPasswords(text)}`,
    source: { path: fileName, wildcards: false, unpack: unpack === true ? "detect" : "never", optional: false },
  };
}

function nameOf({ pathname }: URL): string {
  const base = posix.basename(pathname);
  const name = decoded(base);
  return name === "" || name === "." || name === ".." || /[/\0]/.test(name) ? UNNAMED : name;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // A lone % is a character of the name.
  }
}
