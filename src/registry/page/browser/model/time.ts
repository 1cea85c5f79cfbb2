const MINUTE_S = 60;
const STEPS: [seconds: number, unit: string][] = [
  [365 * 24 * 3600, "year"],
  [30 * 24 * 3600, "month"],
  [7 * 24 * 3600, "week"],
  [24 * 3600, "day"],
  [3600, "hour"],
  [MINUTE_S, "minute"],
];

/** An RFC 3339 date, or undefined: builders that make equal images leave it out or write the epoch, which says nothing. */
export function parseTime(value: string): Date | undefined {
  const time = new Date(value);
  return Number.isNaN(time.getTime()) || time.getTime() <= 0 ? undefined : time;
}

/** `3 days ago`; `just now` within a minute, also for clocks that run ahead. */
export function formatAge(time: Date, now: Date): string {
  const seconds = (now.getTime() - time.getTime()) / 1000;
  const step = STEPS.find(([length]) => seconds >= length);
  if (step === undefined) return "just now";
  const count = Math.floor(seconds / step[0]);
  return `${count} ${step[1]}${count === 1 ? "" : "s"} ago`;
}
