/** `--filter name=value` (repeated) as the API's JSON: `{"name":{"value":true}}`. "" when there are none. */
export function encodeFilters(filters: readonly string[]): string {
  const map: Record<string, Record<string, boolean>> = {};
  for (const filter of filters) {
    const equals = filter.indexOf("=");
    if (equals < 0)
      throw new Error(
        `invalid argument ${JSON.stringify(filter)} for "-f, --filter" flag: bad format of filter (expected name=value)`,
      );
    const name = filter.slice(0, equals).trim().toLowerCase();
    (map[name] ??= {})[filter.slice(equals + 1).trim()] = true;
  }
  return Object.keys(map).length === 0 ? "" : JSON.stringify(map);
}

/** Thrown at parse time, so that it reads as an error of the flag. */
export function checkFilter(filter: string): void {
  if (!filter.includes("=")) throw new Error("bad format of filter (expected name=value)");
}
