/** `net_admin` → `CAP_NET_ADMIN`, `all` → `ALL`; sorted, each once. */
export function normaliseCapabilities(names: readonly string[]): string[] {
  const full = names.map((name) => {
    const upper = name.trim().toUpperCase();
    return upper === "ALL" || upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
  });
  return [...new Set(full)].toSorted();
}

/** `host=ip` and `host:[ip]` as the API's `host:ip`. */
export function extraHostEntry(text: string): string {
  const match = /^([^:=]+)[:=](.+)$/.exec(text);
  return match === null ? text : `${match[1]}:${(match[2] ?? "").replace(/^\[(.*)\]$/, "$1")}`;
}
