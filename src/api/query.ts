import { invalid } from "../base/errors.ts";

/** Docker's booleans: these words (any case) are false, everything else is true. */
const FALSE = new Set(["", "0", "no", "false", "none"]);

export function flag(query: URLSearchParams, name: string, absent = false): boolean {
  const value = query.get(name);
  return value === null ? absent : !FALSE.has(value.trim().toLowerCase());
}

/** A whole number, or undefined where it is absent or empty. Throws invalid-argument with Go's text. */
export function integer(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  if (value === null || value === "") return undefined;
  const number = Number(value);
  if (!/^[+-]?\d+$/.test(value) || !Number.isSafeInteger(number)) {
    throw invalid(`strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`);
  }
  return number;
}

/** Rows and columns of a terminal. */
export function terminalSize(query: URLSearchParams): { rows: number; columns: number } {
  return { rows: dimension(query, "h"), columns: dimension(query, "w") };
}

/** The kernel keeps 16 bits of each. */
function dimension(query: URLSearchParams, name: "h" | "w"): number {
  const text = query.get(name) ?? "";
  if (!/^\d+$/.test(text)) {
    throw invalid(`invalid resize ${name === "h" ? "height" : "width"} ${JSON.stringify(text)}: invalid syntax`);
  }
  return Math.min(Number(text), 65_535);
}

/**
 * A moment: seconds since the epoch with an optional fraction of up to nine digits, or RFC 3339. Empty and "0" are undefined.
 * In nanoseconds.
 */
export function momentNs(query: URLSearchParams, name: string): bigint | undefined {
  const text = query.get(name) ?? "";
  if (text === "" || text === "0") return undefined;
  const seconds = /^(\d{1,12})(?:\.(\d{1,9})\d*)?$/.exec(text);
  if (seconds !== null) return BigInt(seconds[1] ?? "0") * 1_000_000_000n + BigInt((seconds[2] ?? "").padEnd(9, "0"));
  const parsed = /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d)?)?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(parsed))
    throw invalid(`invalid value for "${name}": failed to parse value as time or duration: ${JSON.stringify(text)}`);
  return BigInt(parsed) * 1_000_000n;
}

export function moment(query: URLSearchParams, name: string): Date | undefined {
  const ns = momentNs(query, name);
  return ns === undefined ? undefined : new Date(Number(ns / 1_000_000n));
}
