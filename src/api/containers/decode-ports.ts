import { isIP } from "node:net";
import { invalid } from "../../base/errors.ts";
import type { PortBinding } from "../../networks/networks.ts";
import { Fields } from "../fields.ts";

/** Bindings of one container; each takes a descriptor. */
const MAX_BINDINGS = 16_384;

/** `HostConfig.PortBindings`. An empty list of bindings, or an empty host port, means any free port. Throws Docker's texts. */
export function decodePortBindings(entries: [string, unknown][]): PortBinding[] {
  const bindings: PortBinding[] = [];
  for (const [key, value] of entries) {
    const { port, protocol } = parsePort(key);
    const list = value === null || value === undefined ? [] : value;
    if (!Array.isArray(list))
      throw invalid("invalid JSON: json: cannot unmarshal into Go struct field HostConfig.PortBindings");
    for (const item of list.length === 0 ? [{}] : (list as unknown[])) {
      bindings.push({ containerPort: port, protocol, ...decodeHost(new Fields(item, "PortBinding")) });
      if (bindings.length > MAX_BINDINGS) throw invalid("too many port bindings");
    }
  }
  return bindings;
}

function decodeHost(binding: Fields): Pick<PortBinding, "hostIp" | "hostPortFirst" | "hostPortLast"> {
  const hostIp = binding.string("HostIp");
  if (hostIp !== "" && isIP(hostIp) === 0) throw invalid(`invalid IP address: ${hostIp}`);
  const text = binding.string("HostPort");
  const range = parseRange(text === "" ? "0" : text);
  if (range === undefined) throw invalid(`invalid port specification: "${text}"`);
  return { hostIp, hostPortFirst: range.first, hostPortLast: range.last };
}

/** `80/tcp`, or `80`. */
function parsePort(text: string): { port: number; protocol: PortBinding["protocol"] } {
  const [number = "", protocol = "tcp", ...more] = text.split("/");
  const range = parseRange(number);
  if (range === undefined || range.first !== range.last || more.length > 0) {
    throw invalid(`invalid port specification: "${number}"`);
  }
  const name = protocol.toLowerCase();
  if (name !== "tcp" && name !== "udp" && name !== "sctp") throw invalid(`invalid proto: ${protocol}`);
  return { port: range.first, protocol: name };
}

/** `8000` or `8000-8010`. */
function parseRange(text: string): { first: number; last: number } | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  return first > last || last > 65_535 ? undefined : { first, last };
}

/** Keys of `Config.ExposedPorts`, each `80/tcp` or a range `80-82/tcp`; returned with a protocol. */
export function decodeExposedPorts(keys: string[]): string[] {
  return keys.map((key) => {
    const [number = "", protocol = "tcp"] = key.split("/");
    if (parseRange(number) === undefined) throw invalid(`invalid port specification: "${number}"`);
    if (!/^(tcp|udp|sctp)$/i.test(protocol)) throw invalid(`invalid proto: ${protocol}`);
    return `${number}/${protocol.toLowerCase()}`;
  });
}
