import { parseDuration } from "../../base/go-values.ts";

/**
 * Times as `logs --since` and `events --until` take them: a Go duration back from now (`42m`), RFC 3339 with or without its
 * parts (local time where no zone is given), or Unix seconds. As `seconds.nanoseconds`, or the text itself when it is neither.
 */
export function parseTimestamp(text: string, now: Date): string {
  if (/^-?\d+(\.\d+)?$/.test(text)) return text;
  try {
    return fromMs(now.getTime() - parseDuration(text) / 1e6);
  } catch {
    // not a duration
  }
  const match = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2})(?::(\d{2})(?::(\d{2})(\.\d{1,9})?)?)?)?(Z|[+-]\d{2}:\d{2})?$/.exec(
    text,
  );
  if (match === null) throw new Error(`failed to parse value as time or duration: ${JSON.stringify(text)}`);
  const [, day = "", hour = "00", minute = "00", second = "00", fraction = "", zone = ""] = match;
  const seconds = Math.floor(Date.parse(`${day}T${hour}:${minute}:${second}${zone}`) / 1000);
  return `${seconds}.${fraction.slice(1).padEnd(9, "0")}`;
}

function fromMs(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${seconds}.${String(Math.round((ms - seconds * 1000) * 1e6)).padStart(9, "0")}`;
}
