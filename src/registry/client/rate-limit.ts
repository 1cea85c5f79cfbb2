const MAX_WAIT_S = 7 * 24 * 3600;

/** Seconds until a server wants to be asked again; undefined: it did not say. @see RFC 9110 §10.2.3, and Docker Hub's headers */
export function retryAfterSeconds(headers: Headers, now: Date): number | undefined {
  const text = headers.get("retry-after") ?? headers.get("x-ratelimit-reset") ?? headers.get("ratelimit-reset");
  if (text === null) return undefined;
  const number = /^\d{1,12}$/.test(text.trim()) ? Number(text) : undefined;
  const nowS = now.getTime() / 1000;
  // Some say a moment, in seconds since the epoch, where others say a duration.
  const seconds = number === undefined ? Date.parse(text) / 1000 - nowS : number > nowS / 2 ? number - nowS : number;
  return Number.isFinite(seconds) && seconds >= 0 && seconds <= MAX_WAIT_S ? Math.ceil(seconds) : undefined;
}

/** What follows `toomanyrequests: …`: the limit, and when to come again. */
export function rateLimitWords(headers: Headers, now: Date): string {
  const limit = /^(\d+)(?:;w=(\d+))?/.exec(headers.get("ratelimit-limit") ?? "");
  const allowed =
    limit === null
      ? ""
      : `; ${limit[1]} requests${limit[2] === undefined ? "" : ` in ${duration(Number(limit[2]))}`} are allowed`;
  const seconds = retryAfterSeconds(headers, now);
  if (seconds === undefined) return allowed;
  const moment = new Date(now.getTime() + seconds * 1000).toISOString().replace(/\.\d+Z$/, "Z");
  return `${allowed}; try again in ${duration(seconds)} (at ${moment}), or log in for a higher limit`;
}

function duration(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}
