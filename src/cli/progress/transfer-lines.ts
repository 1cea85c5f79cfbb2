import { ellipsis, humanSize } from "../format/units.ts";
import { printable } from "../printable.ts";
import { transferLine } from "./bar.ts";
import type { Group, Part } from "./transfer-state.ts";

export interface View {
  columns: number;
  /** Lines that there is room for. */
  rows: number;
  bytesPerSecond: number;
}

const PRIORITY = { active: 0, waiting: 1, done: 2 };

/**
 * What a terminal shows of all transfers, at most `rows` lines: a line for each layer and the sum last. Where there are more layers
 * than lines, those that are done go first, then those that wait, into one line that counts them. Pure.
 */
export function transferLines(groups: readonly Group[], view: View): string[] {
  const parts = groups.flatMap((group) => [...group.parts.values()]);
  if (parts.length === 0) return [];
  const sum = summaryLine(parts, view);
  const shown = choose(groups, view.rows - 1);
  const width = Math.max(
    0,
    ...[...shown].filter(({ count }) => count !== undefined).map((part) => labelOf(part).length),
  );
  const lines: string[] = [];
  for (const { title, parts: own } of groups) {
    const visible = [...own.values()].filter((part) => shown.has(part));
    if (visible.length > 0 && title !== "" && groups.length > 1) lines.push(ellipsis(title, view.columns));
    lines.push(...visible.map((part) => partLine(part, width, view.columns)));
  }
  const hidden = parts.filter((part) => !shown.has(part));
  if (hidden.length > 0) lines.push(ellipsis(hiddenLine(hidden), view.columns));
  return [...lines, sum].slice(-Math.max(1, view.rows));
}

/** How a layer is shown for good. Pure. */
export function finalLine(part: Part): string {
  const { currentBytes = 0, totalBytes = 0 } = part.count ?? {};
  const size = totalBytes > 0 && currentBytes >= totalBytes ? ` ${humanSize(totalBytes)}` : "";
  return `${labelOf(part)}${size}`;
}

/** The parts that have a line; titles and the line of the hidden ones take lines too. */
function choose(groups: readonly Group[], rows: number): Set<Part> {
  const parts = groups.flatMap((group) => [...group.parts.values()]);
  const titles = groups.length > 1 ? groups.filter((group) => group.parts.size > 0).length : 0;
  if (parts.length + titles <= rows) return new Set(parts);
  const room = Math.max(0, rows - titles - 1);
  return new Set(parts.toSorted((a, b) => PRIORITY[a.stage] - PRIORITY[b.stage]).slice(0, room));
}

function partLine(part: Part, labelWidth: number, columns: number): string {
  if (part.count === undefined) return ellipsis(labelOf(part), columns);
  return transferLine({ label: labelOf(part).padEnd(labelWidth), ...part.count }, columns);
}

function labelOf({ id, status }: Part): string {
  return printable(`${id}: ${status}`);
}

function hiddenLine(parts: readonly Part[]): string {
  const count = (stage: Part["stage"], word: string) => {
    const number = parts.filter((part) => part.stage === stage).length;
    return number === 0 ? [] : [`${number} ${word}`];
  };
  return `… ${[...count("done", "done"), ...count("active", "active"), ...count("waiting", "waiting")].join(", ")}`;
}

/** `3/10 layers  412MB/1.02GB  182MB/s  3s left`; what is not known is left out, a sum that will grow ends with `+`. */
function summaryLine(parts: readonly Part[], { columns, bytesPerSecond }: View): string {
  const done = parts.filter((part) => part.stage === "done").length;
  const moved = parts.reduce((sum, part) => sum + part.movedBytes, 0);
  const total = parts.reduce((sum, part) => sum + (part.sizeBytes ?? 0), 0);
  const open = parts.some((part) => part.stage !== "done" && part.sizeBytes === undefined);
  const words = [`${done}/${parts.length} layers`];
  if (total > 0) words.push(`${humanSize(moved, 3)}/${humanSize(total, 3)}${open ? "+" : ""}`);
  if (bytesPerSecond >= 1 && moved < total) {
    words.push(`${humanSize(bytesPerSecond, 3)}/s`);
    if (!open) words.push(`${shortTime((total - moved) / bytesPerSecond)} left`);
  }
  return ellipsis(words.join("  "), columns);
}

/** `3s`, `2m05s`, `1h20m`. */
function shortTime(seconds: number): string {
  const whole = Math.max(1, Math.round(seconds));
  const two = (value: number) => String(value).padStart(2, "0");
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`;
  return `${Math.floor(whole / 3600)}h${two(Math.floor((whole % 3600) / 60))}m`;
}
