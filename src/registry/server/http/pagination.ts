import { DistributionError } from "./error-codes.ts";

/** More than any client asks for at once. */
const MAX_PAGE = 10_000;

export interface Page {
  items: string[];
  /** Value of the Link header, where more follows. */
  link?: string;
}

/**
 * The part of a sorted list that `n` and `last` ask for; without `n` all that follows `last`, as clients that know no pages expect.
 * Throws PAGINATION_NUMBER_INVALID. @see OCI distribution-spec "Listing Tags"
 */
export function paginate(sorted: readonly string[], query: URLSearchParams, path: string): Page {
  const [limitText, last] = [query.get("n"), query.get("last") ?? ""];
  const rest = last === "" ? sorted : sorted.filter((item) => item > last);
  if (limitText === null) return { items: [...rest] };
  if (!/^\d{1,9}$/.test(limitText))
    throw new DistributionError("PAGINATION_NUMBER_INVALID", { detail: { n: limitText } });
  const items = rest.slice(0, Math.min(Number(limitText), MAX_PAGE));
  const end = items.at(-1);
  if (end === undefined || items.length === rest.length) return { items };
  const next = new URLSearchParams({ last: end, n: limitText });
  return { items, link: `<${path}?${next.toString()}>; rel="next"` };
}
