import { EngineError, invalid } from "../base/errors.ts";
import type { ResolvedUser } from "./plan/plan-input.ts";

/** The kernel takes 32 bits, but tools wrap above 31 (CVE-2024-40635): the upper half is refused, as runc does. */
const MAX_ID = 2_147_483_647;
/** Image-controlled files: larger ones are an attack on the daemon (CVE-2026-47262), not a user database. */
export const MAX_USER_FILE_BYTES = 8 * 1024 * 1024;
const MAX_GROUPS = 65_536;

const RANGE = `uids and gids must be in range 0-${MAX_ID}`;

export interface UserSpec {
  user: string;
  /** "" where none was given. */
  group: string;
}

/** Splits `user[:group]`. */
export function parseUser(spec: string): UserSpec {
  const index = spec.indexOf(":");
  return index < 0 ? { user: spec, group: "" } : { user: spec.slice(0, index), group: spec.slice(index + 1) };
}

/**
 * Who a process runs as. Digits are an ID and never looked up as a name (CVE-2026-46680); anything else must be in the image's
 * files. An unknown ID is itself, with group 0. Throws invalid-argument in runc's words.
 */
export function resolveUser(
  spec: string,
  files: { passwd: Uint8Array; group: Uint8Array },
  groupAdd: readonly string[] = [],
): ResolvedUser {
  const { user, group } = parseUser(spec);
  const uid = user === "" ? 0 : parseId(user);
  const entry = findEntry(passwdEntries(files.passwd), (row) =>
    uid === undefined ? row.name === user : row.uid === uid,
  );
  if (entry === undefined && uid === undefined) {
    throw invalid(`unable to find user ${user}: no matching entries in passwd file`);
  }
  let gid = entry?.gid ?? 0;
  let memberOf: number[] = [];
  if (group !== "") gid = findGroup(group, files.group, "unable to find group");
  else if (entry !== undefined) memberOf = groupsOf(entry.name, files.group);
  const added = groupAdd.map((name) => findGroup(name, files.group, "Unable to find group"));
  const groups = [...new Set([gid, ...memberOf, ...added])];
  if (groups.length > MAX_GROUPS) throw invalid(`user ${user} is in more than ${MAX_GROUPS} groups`);
  return { uid: entry?.uid ?? uid ?? 0, gid, groups, home: entry?.home || "/" };
}

/** The number that a string of digits (or a negative number) stands for; undefined: it is a name. Throws out of range. */
function parseId(text: string): number | undefined {
  if (!/^-?[0-9]+$/.test(text)) return undefined;
  const value = Number(text);
  if (text.startsWith("-") || value > MAX_ID) throw invalid(RANGE);
  return value;
}

function findGroup(nameOrId: string, file: Uint8Array, complaint: string): number {
  const gid = parseId(nameOrId);
  if (gid !== undefined) return gid;
  const entry = findEntry(groupEntries(file), (row) => row.name === nameOrId);
  if (entry === undefined) throw invalid(`${complaint} ${nameOrId}: no matching entries in group file`);
  return entry.gid;
}

function groupsOf(user: string, file: Uint8Array): number[] {
  const gids: number[] = [];
  for (const row of groupEntries(file)) if (row.members.split(",").includes(user)) gids.push(row.gid);
  return gids;
}

function findEntry<T>(entries: Iterable<T>, matches: (entry: T) => boolean): T | undefined {
  for (const entry of entries) if (matches(entry)) return entry;
  return undefined;
}

function* passwdEntries(file: Uint8Array): Iterable<{ name: string; uid: number; gid: number; home: string }> {
  for (const [name = "", , uidText = "", gidText = "", , home = ""] of rows(file, "passwd")) {
    const uid = fileId(uidText);
    const gid = fileId(gidText);
    if (uid !== undefined && gid !== undefined) yield { name, uid, gid, home };
  }
}

function* groupEntries(file: Uint8Array): Iterable<{ name: string; gid: number; members: string }> {
  for (const [name = "", , gidText = "", members = ""] of rows(file, "group")) {
    const gid = fileId(gidText);
    if (gid !== undefined) yield { name, gid, members };
  }
}

/** A line whose ID is not a plain number in range is no entry: it must never come to mean 0. */
function fileId(text: string): number | undefined {
  if (!/^[0-9]{1,10}$/.test(text)) return undefined;
  const value = Number(text);
  return value <= MAX_ID ? value : undefined;
}

/** Fields of each line; blank lines, comments and NIS lines (`+name`) are skipped. Lazy: a look-up stops where it finds. */
function* rows(file: Uint8Array, name: string): Iterable<string[]> {
  if (file.length > MAX_USER_FILE_BYTES) {
    throw new EngineError("invalid-argument", `${name} file is larger than ${MAX_USER_FILE_BYTES} bytes`);
  }
  const text = Buffer.from(file.buffer, file.byteOffset, file.byteLength).toString("utf8");
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    const line = text.slice(start, end).trim();
    start = end + 1;
    if (line !== "" && !line.startsWith("#") && !line.startsWith("+") && !line.startsWith("-")) yield line.split(":");
  }
}
