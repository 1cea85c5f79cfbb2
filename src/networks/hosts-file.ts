import { isIP } from "node:net";
import { invalid } from "../base/errors.ts";

const STANDARD_LINES = [
  "127.0.0.1\tlocalhost",
  "::1\tlocalhost ip6-localhost ip6-loopback",
  "fe00::\tip6-localnet",
  "ff00::\tip6-mcastprefix",
  "ff02::1\tip6-allnodes",
  "ff02::2\tip6-allrouters",
];

export interface HostsFileRequest {
  hostname: string;
  domainname: string;
  /** The container's own addresses; none with `--net none` or `host`. */
  addresses: string[];
  /** `name:address` as given with --add-host, validated. */
  extraHosts: string[];
  /** What `host-gateway` stands for: the gateway of the container's own network. Undefined: such entries are left out. */
  hostGateway?: string;
  /** The host's own file, which `--net host` extends; else Docker's standard lines. */
  base?: string;
}

/** Contents of /etc/hosts in Docker's order: standard lines, --add-host, the container itself. */
export function renderHosts(request: HostsFileRequest): string {
  const lines = request.base === undefined ? [...STANDARD_LINES] : [request.base.replace(/\n+$/, "")];
  for (const entry of request.extraHosts) {
    const { name, address } = parseExtraHost(entry);
    const resolved = address === "host-gateway" ? request.hostGateway : address;
    if (resolved !== undefined) lines.push(`${resolved}\t${name}`);
  }
  const { hostname, domainname } = request;
  const names = domainname === "" ? hostname : `${hostname}.${domainname} ${hostname}`;
  for (const address of request.addresses) lines.push(`${address}\t${names}`);
  return `${lines.join("\n")}\n`;
}

/** `name:address`, `name:[v6]`, `name=address` (the CLI's newer form) or `name:host-gateway`. Throws invalid-argument in Docker's words. */
export function parseExtraHost(entry: string): { name: string; address: string } {
  const separator = /[:=]/.exec(entry)?.index ?? 0;
  const name = entry.slice(0, separator);
  const address = entry.slice(separator + 1).replace(/^\[(.*)\]$/, "$1");
  if (name === "" || /[\s\0#]/.test(name)) throw invalid(`bad format for add-host: ${JSON.stringify(entry)}`);
  if (address !== "host-gateway" && isIP(address) === 0)
    throw invalid(`invalid IP address in add-host: ${JSON.stringify(address)}`);
  return { name, address };
}

export function renderHostname(hostname: string): string {
  return `${hostname}\n`;
}
