/** `latest` first, then the newest version first: `2.0`, `1.10`, `1.9`. A new list. */
export function inReadingOrder(tags: readonly string[]): string[] {
  const natural = new Intl.Collator("en", { numeric: true });
  return [...tags].sort((a, b) => {
    if (a === "latest" || b === "latest") return a === b ? 0 : a === "latest" ? -1 : 1;
    return natural.compare(b, a);
  });
}
