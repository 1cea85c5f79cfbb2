/**
 * The path of the next page, or undefined at the last. Only paths of the registry's own API are followed: a header must not send
 * the page, with its token, elsewhere. @see OCI distribution-spec "Listing Tags"; RFC 8288
 */
export function nextPage(header: string | null, base: string): string | undefined {
  for (const [, target = "", parameters = ""] of (header ?? "").matchAll(/<([^>]*)>([^,<]*)/g)) {
    if (!/;\s*rel\s*=\s*"?next"?\s*(;|$)/i.test(parameters)) continue;
    const url = URL.canParse(target, base) ? new URL(target, base) : undefined;
    if (url === undefined || url.host !== new URL(base).host || !url.pathname.startsWith("/v2/")) return undefined;
    return url.pathname + url.search;
  }
  return undefined;
}
