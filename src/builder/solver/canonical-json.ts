/**
 * JSON whose names are in byte order at every depth, undefined left out: the same value has the same text, whoever made it in whatever
 * order. Of plain values only.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part) ? sorted(part as Record<string, unknown>) : part,
  );
}

function sorted(value: Record<string, unknown>): Record<string, unknown> {
  const names = Object.keys(value).sort();
  return Object.fromEntries(names.map((name) => [name, value[name]]));
}
