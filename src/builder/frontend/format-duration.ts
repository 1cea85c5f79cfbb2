const UNITS: [string, number][] = [
  ["h", 3600e9],
  ["m", 60e9],
];

/** Go's time.Duration in text: `1m30s`, `500ms`, `0s`, `1h0m0s`. Whole nanoseconds, not negative. */
export function formatDuration(ns: number): string {
  if (ns === 0) return "0s";
  if (ns < 1e3) return `${ns}ns`;
  if (ns < 1e6) return `${ns / 1e3}µs`;
  if (ns < 1e9) return `${ns / 1e6}ms`;
  let rest = ns;
  let text = "";
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0 || text !== "") text += `${count}${unit}`;
  }
  return `${text}${rest / 1e9}s`;
}
