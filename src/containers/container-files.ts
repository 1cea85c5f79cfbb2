import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import type { NetworkSpec } from "./container-spec.ts";

/** The files of one container below the data root. */
export interface ContainerPaths {
  directory: string;
  hostname: string;
  hosts: string;
  resolvConf: string;
  log: string;
}

export function containerPaths(root: string, id: string): ContainerPaths {
  const directory = `${root}/${id}`;
  return {
    directory,
    hostname: `${directory}/hostname`,
    hosts: `${directory}/hosts`,
    resolvConf: `${directory}/resolv.conf`,
    log: `${directory}/${id}-json.log`,
  };
}

export function makeContainerDirectory(paths: ContainerPaths): void {
  mkdirSync(paths.directory, { mode: 0o710 });
}

/** Absent: nothing. */
export function removeContainerDirectory(paths: ContainerPaths): void {
  rmSync(paths.directory, { recursive: true, force: true });
}

export function writeEtcFiles(
  paths: ContainerPaths,
  files: { hostname: string; hosts: string; resolvConf: string },
): void {
  writeFileSync(paths.hostname, files.hostname, { mode: 0o644 });
  writeFileSync(paths.hosts, files.hosts, { mode: 0o644 });
  writeFileSync(paths.resolvConf, files.resolvConf, { mode: 0o644 });
}

/** A file of the host's /etc; "" where it has none. */
export function readHostFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

const STANDARD_HOSTS = [
  "127.0.0.1\tlocalhost",
  "::1\tlocalhost ip6-localhost ip6-loopback",
  "fe00::\tip6-localnet",
  "ff00::\tip6-mcastprefix",
  "ff02::1\tip6-allnodes",
  "ff02::2\tip6-allrouters",
];

export interface HostsRequest {
  hostname: string;
  domainname: string;
  /** "": without a network of its own. */
  ipAddress: string;
  /** What `host-gateway` stands for; "": such entries are left out. */
  gateway: string;
  extraHosts: string[];
  /** With --net host: the host's own file, which is extended. */
  base?: string;
}

/** Contents of /etc/hosts. Entries were validated: no white space in names, addresses are addresses. */
export function renderHosts(request: HostsRequest): string {
  const lines = request.base === undefined ? [...STANDARD_HOSTS] : [request.base.replace(/\n$/, "")];
  for (const entry of request.extraHosts) {
    const colon = entry.indexOf(":");
    const address = entry.slice(colon + 1).replace(/^\[(.*)\]$/, "$1");
    const resolved = address === "host-gateway" ? request.gateway : address;
    if (resolved !== "") lines.push(`${resolved}\t${entry.slice(0, colon)}`);
  }
  if (request.ipAddress !== "") {
    const qualified = request.domainname === "" ? "" : `${request.hostname}.${request.domainname} `;
    lines.push(`${request.ipAddress}\t${qualified}${request.hostname}`);
  }
  return `${lines.join("\n")}\n`;
}

/** When the host has only resolvers on its own loopback, which a container cannot reach. */
const FALLBACK_RESOLVERS = ["8.8.8.8", "8.8.4.4"];

/** Contents of /etc/resolv.conf: the host's, with what the user asked for in place of it. `own`: a network namespace of its own. */
export function renderResolvConf(
  host: string,
  network: Pick<NetworkSpec, "dns" | "dnsOptions" | "dnsSearch">,
  own: boolean,
): string {
  const { dns, dnsOptions, dnsSearch } = network;
  if (!own && dns.length + dnsOptions.length + dnsSearch.length === 0) return host;
  const lines = host.split("\n").map((line) => line.trim().split(/\s+/));
  const values = (word: string) => lines.filter((line) => line[0] === word).map((line) => line.slice(1));
  const hostServers = values("nameserver").flatMap((words) => words.slice(0, 1));
  const reachable = own ? hostServers.filter((server) => !isLoopback(server)) : hostServers;
  const servers = dns.length > 0 ? dns : reachable.length > 0 ? reachable : own ? FALLBACK_RESOLVERS : [];
  // "." alone asks for no search domain at all.
  const search = dnsSearch.length > 0 ? dnsSearch.filter((domain) => domain !== ".") : (values("search").at(-1) ?? []);
  const options = dnsOptions.length > 0 ? dnsOptions : values("options").flat();
  return [
    ...servers.map((server) => `nameserver ${server}`),
    ...(search.length > 0 ? [`search ${search.join(" ")}`] : []),
    ...(options.length > 0 ? [`options ${options.join(" ")}`] : []),
    "",
  ].join("\n");
}

function isLoopback(server: string): boolean {
  const address = server.split("%")[0] ?? server;
  return isIP(address) === 6 ? address === "::1" || address.startsWith("fe80:") : address.startsWith("127.");
}
