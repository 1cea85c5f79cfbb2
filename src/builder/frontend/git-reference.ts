import { invalid } from "../../base/errors.ts";

/** A repository at a commit, as ADD names it. */
export interface GitReference {
  remote: string;
  /** Branch, tag, ref or commit; "": the default branch. */
  ref: string;
  /** Relative; "": all of it. */
  subdirectory: string;
  checksum: string | undefined;
  keepGitDirectory: boolean | undefined;
  submodules: boolean | undefined;
}

const MAX_URL_CHARS = 8192;
/** `user@host:path`. The first character keeps options of ssh out (CVE-2017-1000117). */
const SCP_FORM = /^[A-Za-z0-9_][\w.-]*@[A-Za-z0-9][A-Za-z0-9.-]*:(?!\/\/)[^-?#][^?#]*$/;
const URL_FORM =
  /^(https?|ssh|git):\/\/(?:[^@/?#-][^@/?#]*@)?(?:[A-Za-z0-9][^/?#@]*|\[[\da-fA-F:.]+\](?::\d+)?)\/[^?#]+$/;
/** Git would run a program for it: `ext::sh -c …`. */
const TRANSPORT_FORM = /^([A-Za-z][A-Za-z0-9+.-]*)::/;

const OPTIONS = ["ref", "tag", "branch", "subdir", "checksum", "commit", "keep-git-dir", "submodules"];

/**
 * What an ADD of a repository names; undefined: `text` names none. A URL of http is one where its path ends in `.git`, or `isGit` says
 * so. Throws invalid-argument for options that contradict each other and for whatever git could take for an option or a program.
 * @see BuildKit frontend/dockerfile/dfgitutil/git_ref.go
 */
export function parseGitReference(text: string, isGit = false): GitReference | undefined {
  const transport = TRANSPORT_FORM.exec(text)?.[1];
  if (transport !== undefined) throw invalid(`git transport ${JSON.stringify(transport)} is not supported`);
  const { remote, query, fragment } = splitUrl(text);
  if (!looksLikeGit(remote, isGit)) return undefined;
  if (text.length > MAX_URL_CHARS) throw invalid(`git URL is longer than ${MAX_URL_CHARS} characters`);
  if (!SCP_FORM.test(remote) && !URL_FORM.test(remote)) throw invalid(`invalid git URL ${JSON.stringify(remote)}`);
  const reference = fromFragment(remote, fragment);
  if (query !== "") applyQuery(reference, query);
  validateReference(reference);
  return reference;
}

function splitUrl(text: string): { remote: string; query: string; fragment: string } {
  const [, remote = "", query = "", fragment = ""] = /^([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(text) ?? [];
  return { remote, query, fragment };
}

function looksLikeGit(remote: string, isGit: boolean): boolean {
  if (/^(ssh|git):\/\//.test(remote)) return true;
  if (/^https?:\/\//.test(remote)) return isGit || remote.endsWith(".git");
  return /^[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+:/.test(remote);
}

/** `#ref:subdirectory`. */
function fromFragment(remote: string, fragment: string): GitReference {
  const colon = fragment.indexOf(":");
  const ref = colon === -1 ? fragment : fragment.slice(0, colon);
  const subdirectory = colon === -1 ? "" : fragment.slice(colon + 1);
  return { remote, ref, subdirectory, checksum: undefined, keepGitDirectory: undefined, submodules: undefined };
}

/** `?ref=…&subdir=…`. */
function applyQuery(reference: GitReference, query: string): void {
  const values = new Map<string, string>();
  for (const [key, value] of new URLSearchParams(query)) {
    if (values.has(key)) throw invalid(`query ${JSON.stringify(key)} has multiple values`);
    if (!OPTIONS.includes(key)) throw invalid(`unexpected query ${JSON.stringify(key)}`);
    if (value === "" && !isSwitch(key)) throw invalid(`query ${JSON.stringify(key)} has no value`);
    values.set(key, value);
  }
  const [tag, branch] = [values.get("tag"), values.get("branch")];
  if (tag !== undefined && branch !== undefined) throw invalid("branch conflicts with tag");
  setOnce(reference, "ref", values.get("ref"));
  setOnce(reference, "subdirectory", values.get("subdir"));
  if (tag !== undefined) setOnce(reference, "ref", prefixed("refs/tags/", tag));
  if (branch !== undefined) setOnce(reference, "ref", prefixed("refs/heads/", branch));
  reference.checksum = values.get("checksum") ?? values.get("commit");
  reference.keepGitDirectory = switchOf(values, "keep-git-dir");
  reference.submodules = switchOf(values, "submodules");
  if (reference.ref === "") reference.ref = reference.checksum ?? "";
}

function isSwitch(key: string): boolean {
  return key === "keep-git-dir" || key === "submodules";
}

function switchOf(values: Map<string, string>, key: string): boolean | undefined {
  const value = values.get(key);
  if (value === undefined) return undefined;
  if (["", "1", "t", "T", "true", "TRUE", "True"].includes(value)) return true;
  if (["0", "f", "F", "false", "FALSE", "False"].includes(value)) return false;
  throw invalid(`invalid ${key} value: ${JSON.stringify(value)}`);
}

function prefixed(prefix: string, name: string): string {
  return name.startsWith(prefix) ? name : prefix + name;
}

function setOnce(reference: GitReference, key: "ref" | "subdirectory", value: string | undefined): void {
  if (value === undefined) return;
  const before = reference[key];
  const name = key === "ref" ? "ref" : "subdir";
  if (before !== "" && before !== value) {
    throw invalid(`${name} conflicts: ${JSON.stringify(before)} vs ${JSON.stringify(value)}`);
  }
  reference[key] = value;
}

/** @see git-check-ref-format(1), and GHSA of BuildKit about `#ref:subdir` (CVE-2026-33748) */
function validateReference({ ref, subdirectory, checksum }: GitReference): void {
  if (ref.startsWith("-") || ref.includes("..") || /[\p{Cc} ~^:?*[\\]/u.test(ref)) {
    throw invalid(`invalid git ref ${JSON.stringify(ref)}`);
  }
  if (subdirectory.split("/").includes("..") || subdirectory.includes("\0")) {
    throw invalid(`invalid git subdirectory ${JSON.stringify(subdirectory)}: it leaves the repository`);
  }
  if (checksum !== undefined) validateCommit(checksum);
}

/** A commit, whole or its beginning. */
export function validateCommit(checksum: string): void {
  if (!/^[0-9a-f]{7,64}$/i.test(checksum)) throw invalid(`invalid git checksum ${JSON.stringify(checksum)}`);
}
