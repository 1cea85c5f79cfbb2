import type { Location } from "./instructions.ts";

/** An instruction with a long document is shown up to this many lines. */
const MAX_SHOWN_LINES = 200;

/** The widest line that is shown, in characters. */
const MAX_LINE_CHARS = 1000;

const RULE = "-".repeat(20);

/**
 * The lines of a file that something is wrong with, marked, and some around them: two where it is a single line, else one. Ends in
 * a line feed; "" where there is nothing to show. Characters that would steer a terminal are shown as dots.
 * @see BuildKit solver/errdefs/source.go `Print`
 */
export function excerpt(given: { fileName: string; source: string; locations: Location[] }): string {
  const lines = given.source.split("\n");
  const marked = given.locations.filter((location) => location.startLine >= 1 && location.startLine <= lines.length);
  if (marked.length === 0) return "";
  const first = Math.min(...marked.map((location) => location.startLine));
  const last = Math.min(Math.max(...marked.map((location) => location.endLine)), lines.length);
  const around = first === last ? 2 : 1;
  const start = Math.max(first - around, 1);
  const shown = lines.slice(start - 1, Math.min(last + around, start + MAX_SHOWN_LINES - 1)).map((line, index) => {
    const number = start + index;
    const isMarked = marked.some((location) => number >= location.startLine && number <= location.endLine);
    return ` ${String(number).padStart(3)} | ${isMarked ? ">>>" : "   "} ${printable(line)}\n`;
  });
  return `${given.fileName}:${first}\n${RULE}\n${shown.join("")}${RULE}\n`;
}

function printable(line: string): string {
  const safe = line.replace(/\r$/, "").replace(/[^\P{Cc}\t]/gu, ".");
  return safe.length > MAX_LINE_CHARS ? `${safe.slice(0, MAX_LINE_CHARS)}…` : safe;
}
