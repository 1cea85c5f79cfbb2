import { type FileStatus, S_IFDIR, S_IFMT, statFd } from "./files.ts";
import { walkTree } from "./walk-tree.ts";

/**
 * A part of a tree whose size is told apart: a path relative to the top, `*` in a component standing for any characters. What the
 * first component with a `*` is keys the answer: `volumes/*` gives one row for each volume.
 */
export type SurveyRule = string;

export interface SurveyRow {
  rule: SurveyRule;
  /** "" for a rule without `*`. */
  key: string;
  /** Of files, directories and links, as `du --apparent-size` counts: an inode once, wherever it is met first. */
  apparentBytes: number;
  /** The same without directories: what `docker ps -s` counts. */
  fileBytes: number;
  /** Files and directories. */
  entries: number;
}

/** Sum of file sizes, each inode once, directories not counted. Synchronous: for workers. */
export function treeUsage(top: number): number {
  return surveyTree(top, []).reduce((total, row) => total + row.fileBytes, 0);
}

/**
 * Sizes below the open directory `top`, itself included. Everything counts for the longest rule that matches it or a directory
 * above it, of equal ones the first; what no rule matches for the rule "". Synchronous: for workers.
 */
export function surveyTree(top: number, rules: SurveyRule[]): SurveyRow[] {
  const rows = new Map<string, SurveyRow>();
  const rowOf = (rule: SurveyRule, key: string): SurveyRow => {
    const name = `${rule}\0${key}`;
    const row = rows.get(name) ?? { rule, key, apparentBytes: 0, fileBytes: 0, entries: 0 };
    rows.set(name, row);
    return row;
  };
  const count = countOnce();
  const start: Place = { row: rowOf("", ""), open: rules.map((rule) => parseRule(rule)), key: "" };
  count(statFd(top), start.row);
  walkTree(top, start, (name, status, parent) => {
    const place = parent.open.length === 0 ? parent : placeOf(name, parent, rowOf);
    count(status, place.row);
    return place;
  });
  return [...rows.values()];
}

/** Where in the rules a directory stands. */
interface Place {
  row: SurveyRow;
  /** Rules whose components so far match, with those that are left. */
  open: ParsedRule[];
  /** Of the first `*` that was met. */
  key: string;
}

interface ParsedRule {
  rule: SurveyRule;
  rest: RegExp[];
  /** Components before the one with the first `*`; -1: it has passed, or there is none. */
  keyIn: number;
}

function parseRule(rule: SurveyRule): ParsedRule {
  const components = rule.split("/");
  return { rule, rest: components.map(componentPattern), keyIn: components.findIndex((one) => one.includes("*")) };
}

function componentPattern(component: string): RegExp {
  const escaped = component.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${escaped.join(".*")}$`, "s");
}

function placeOf(name: Buffer, parent: Place, rowOf: (rule: SurveyRule, key: string) => SurveyRow): Place {
  const text = name.toString("latin1");
  const open: ParsedRule[] = [];
  let { row, key } = parent;
  let owned = false;
  for (const { rule, rest, keyIn } of parent.open) {
    if (rest[0]?.test(text) !== true) continue;
    const ownKey = keyIn === 0 ? name.toString() : key;
    if (rest.length > 1) open.push({ rule, rest: rest.slice(1), keyIn: keyIn - 1 });
    else if (!owned) {
      row = rowOf(rule, ownKey);
      owned = true;
    }
    if (keyIn === 0) key = ownKey;
  }
  return { row, open, key };
}

/** An inode with several names counts where it is met first. */
function countOnce(): (status: FileStatus, row: SurveyRow) => void {
  const seen = new Set<string>();
  return (status, row) => {
    row.entries++;
    const isDirectory = (status.mode & S_IFMT) === S_IFDIR;
    if (!isDirectory && status.links > 1) {
      const inode = `${status.onDevice}:${status.inode}`;
      if (seen.has(inode)) return;
      seen.add(inode);
    }
    row.apparentBytes += status.sizeBytes;
    if (!isDirectory) row.fileBytes += status.sizeBytes;
  };
}
