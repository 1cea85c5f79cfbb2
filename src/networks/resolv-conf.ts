import { isIP } from "node:net";
import { invalid } from "../base/errors.ts";

/** Docker's choice for hosts whose only resolvers a container cannot reach. */
const FALLBACK_SERVERS = ["8.8.8.8", "8.8.4.4"];

export interface ResolvConfRequest {
  /** The host's file. */
  hostResolvConf: string;
  /** From --dns, --dns-search, --dns-option, else the daemon's own; empty: the host's. */
  dns: string[];
  search: string[];
  options: string[];
  /** With the host's network: loopback resolvers stay, and an unchanged file is a copy. */
  hostNetwork: boolean;
}

/** Contents of /etc/resolv.conf; `warnings` says where the result is a guess. */
export function renderResolvConf(request: ResolvConfRequest): { text: string; warnings: string[] } {
  const { hostNetwork, dns, search, options } = request;
  if (hostNetwork && dns.length + search.length + options.length === 0)
    return { text: request.hostResolvConf, warnings: [] };
  const host = parseResolvConf(request.hostResolvConf);
  const warnings: string[] = [];
  let servers = dns;
  if (servers.length === 0) servers = hostNetwork ? host.servers : host.servers.filter(isReachable);
  if (servers.length === 0 && !hostNetwork) {
    warnings.push(
      `No non-localhost DNS nameservers are left in resolv.conf. Using default external servers: ${FALLBACK_SERVERS.join(", ")}`,
    );
    servers = FALLBACK_SERVERS;
  }
  // A single "." asks for no search domain at all.
  const domains = (search.length > 0 ? search : host.search).filter((domain) => domain !== ".");
  const words = options.length > 0 ? options : host.options;
  const lines = servers.map((server) => `nameserver ${server}`);
  if (domains.length > 0) lines.push(`search ${domains.join(" ")}`);
  if (words.length > 0) lines.push(`options ${words.join(" ")}`);
  return { text: `${lines.join("\n")}\n`, warnings };
}

/** Whether the host resolves through systemd's stub alone, whose upstream servers stand in another file. */
export function usesResolvedStub(hostResolvConf: string): boolean {
  const { servers } = parseResolvConf(hostResolvConf);
  return servers.length === 1 && servers[0] === "127.0.0.53";
}

/** Throws invalid-argument in Docker's words. */
export function validateDns(servers: string[], search: string[], options: string[]): void {
  for (const server of servers) if (isIP(server) === 0) throw invalid(`bad IP address for DNS: ${server}`);
  for (const word of [...search, ...options])
    if (word === "" || /[\s\0]/.test(word)) throw invalid(`${JSON.stringify(word)} is not a valid domain or option`);
}

function parseResolvConf(text: string): { servers: string[]; search: string[]; options: string[] } {
  const result = { servers: [] as string[], search: [] as string[], options: [] as string[] };
  for (const line of text.split("\n")) {
    const [word, ...values] = line
      .replace(/[#;].*$/, "")
      .trim()
      .split(/\s+/);
    if (word === "nameserver" && values[0] !== undefined) result.servers.push(values[0]);
    else if (word === "search" || word === "domain") result.search = values;
    else if (word === "options") result.options.push(...values);
  }
  return result;
}

/** Not on the host's loopback, and IPv4: the container has no other address family to ask with. */
function isReachable(server: string): boolean {
  return isIP(server) === 4 && !server.startsWith("127.");
}
