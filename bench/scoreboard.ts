import type { Measure } from "./measures.ts";

export interface Score {
  name: string;
  unit: Measure["unit"];
  target: number;
  limit?: number;
  floor?: { within: number; samples: number[] };
  /** Samples by peer; a peer that failed or was not there has none. */
  samples: Record<string, number[]>;
  failures: Record<string, string>;
}

export function median(values: number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length === 0) return undefined;
  return sorted.length % 2 === 1 ? sorted[middle] : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** How many times better ours is: less time and memory, more throughput. */
export function ratio(score: Score, ours: string, theirs: string): number | undefined {
  const [own, other] = [median(score.samples[ours] ?? []), median(score.samples[theirs] ?? [])];
  if (own === undefined || other === undefined || own === 0 || other === 0) return undefined;
  return score.unit === "MB/s" ? own / other : other / own;
}

/** The table as text: one row a measure, ours first. */
export function formatScoreboard(scores: Score[], peers: string[]): string {
  const [ours = "", ...others] = peers;
  const header = ["measure", ...peers, ...others.map((peer) => `× ${peer}`), "target", ""];
  const rows = scores.map((score) => {
    const ratios = others.map((peer) => ratio(score, ours, peer));
    // Against whoever was measured, and was the best of them.
    const known = ratios.filter((value) => value !== undefined);
    const least = known.length === 0 ? undefined : Math.min(...known);
    const met = least === undefined && score.limit === undefined ? "" : isMet(score, ours, least) ? "ok" : "BELOW";
    return [
      score.name,
      ...peers.map((peer) => cell(score, peer)),
      ...ratios.map((value) => (value === undefined ? "–" : value.toFixed(1))),
      score.limit === undefined ? `${score.target}` : `≤ ${score.limit}`,
      [met, ...floorWords(score, ours)].join("  "),
    ];
  });
  return align([header, ...rows]);
}

function isMet(score: Score, ours: string, ratio = Number.POSITIVE_INFINITY): boolean {
  const own = median(score.samples[ours] ?? []);
  if (own === undefined || ratio < score.target) return false;
  const times = timesFloor(score, ours);
  return own <= (score.limit ?? own) && (times === undefined || times <= (score.floor?.within ?? times));
}

/** How many times the floor ours is. */
function timesFloor({ samples, floor }: Score, ours: string): number | undefined {
  const [own, least] = [median(samples[ours] ?? []), median(floor?.samples ?? [])];
  return own === undefined || least === undefined ? undefined : own / least;
}

function floorWords(score: Score, ours: string): string[] {
  const [times, least] = [timesFloor(score, ours), median(score.floor?.samples ?? [])];
  if (times === undefined || least === undefined) return [];
  return [`floor ${least.toFixed(2)} ${score.unit}, ${times.toFixed(2)}× of it (≤ ${score.floor?.within})`];
}

function cell(score: Score, peer: string): string {
  const value = median(score.samples[peer] ?? []);
  if (value === undefined) return score.failures[peer] === undefined ? "–" : "failed";
  return `${value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)} ${score.unit}`;
}

function align(rows: string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: string[]) =>
    row
      .map((text, column) => (column === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[column] ?? 0)))
      .join("  ");
  return rows.map((row) => line(row).trimEnd()).join("\n");
}
