/** Go's zero time: what Docker shows for "never". */
export const ZERO_TIME = "0001-01-01T00:00:00Z";

/** RFC 3339 as Go prints it: without trailing zeroes in the fraction. */
export function formatTime(date: Date | undefined): string {
  return date === undefined ? ZERO_TIME : date.toISOString().replace(/\.?0*Z$/, "Z");
}

export function unixSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Docker's rough words for a duration: `Less than a second`, `About a minute`, `3 weeks`. */
export function humanDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 1) return "Less than a second";
  if (seconds === 1) return "1 second";
  if (seconds < MINUTE) return `${seconds} seconds`;
  const minutes = Math.floor(seconds / MINUTE);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.floor(seconds / HOUR + 0.5);
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(seconds / DAY / 365)} years`;
}
