import { isIP } from "node:net";

/**
 * Whether a request on TCP without TLS may come from a web page: it names an origin, or reaches us under a public DNS name that
 * its owner could have pointed at this host (DNS rebinding). Names that nobody outside can own are let through.
 */
export function isFromBrowser(
  headers: { origin?: string | undefined; host?: string | undefined },
  ownName: string,
): boolean {
  if (headers.origin !== undefined) return true;
  const name = hostName(headers.host ?? "");
  if (name === "" || isIP(name) !== 0 || !name.includes(".")) return false;
  return name !== ownName.toLowerCase() && !/\.(localhost|local|internal|lan|home\.arpa|test)$/.test(name);
}

/** Without port and brackets. */
function hostName(host: string): string {
  const bracketed = /^\[([^\]]*)\]/.exec(host)?.[1];
  return (bracketed ?? host.replace(/:\d*$/, "")).toLowerCase().replace(/\.$/, "");
}
