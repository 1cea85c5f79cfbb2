import type { Flag } from "./flag-set.ts";

/** Columns of the help text: pflag's layout at 80. */
const COLUMNS = 80;
const MIN_WRAP = 24;
const NARROW_INDENT = 16;
/** How far a line may run over, so as not to leave a short last word alone. */
const SLOP = 5;

/** The `Options:` block: two columns, aligned, wrapped as spf13/pflag wraps. Hidden and deprecated flags are left out. */
export function flagUsages(flags: readonly Flag[]): string {
  const shown = flags.filter((flag) => flag.hidden !== true && flag.deprecated === undefined);
  const rows = shown
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map((flag) => ({ left: leftColumn(flag), right: flag.usage + defaultNote(flag) }));
  const width = Math.max(0, ...rows.map((row) => row.left.length)) + 3;
  return rows.map((row) => `${row.left.padEnd(width)}${wrap(width, row.right)}\n`).join("");
}

function leftColumn(flag: Flag): string {
  const names = flag.short === undefined ? `      --${flag.name}` : `  -${flag.short}, --${flag.name}`;
  return flag.type.label === "" ? names : `${names} ${flag.type.label}`;
}

function defaultNote(flag: Flag): string {
  const value = flag.default ?? "";
  if (value === "" || value === "false" || value === "0" || value === "0s") return "";
  return flag.type.label === "string" ? ` (default ${JSON.stringify(value)})` : ` (default ${value})`;
}

function wrap(indent: number, text: string): string {
  let margin = indent;
  let before = "";
  if (COLUMNS - margin < MIN_WRAP) {
    margin = NARROW_INDENT;
    before = `\n${" ".repeat(margin)}`;
  }
  const width = COLUMNS - margin - SLOP;
  const pad = `\n${" ".repeat(margin)}`;
  const lines: string[] = [];
  for (let rest = text; rest !== ""; ) {
    const [line, after] = cut(width, rest);
    lines.push(line.replaceAll("\n", pad));
    rest = after;
  }
  return before + lines.join(pad);
}

function cut(width: number, text: string): [string, string] {
  if (width + SLOP > text.length) return [text, ""];
  const head = text.slice(0, width);
  const space = Math.max(head.lastIndexOf(" "), head.lastIndexOf("\t"), head.lastIndexOf("\n"));
  if (space <= 0) return [text, ""];
  const newline = head.lastIndexOf("\n");
  const at = newline > 0 && newline < space ? newline : space;
  return [text.slice(0, at), text.slice(at + 1)];
}
