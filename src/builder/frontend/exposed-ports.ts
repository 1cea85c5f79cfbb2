import { isIP } from "node:net";
import { invalid } from "../../base/errors.ts";

const PROTOCOLS = ["tcp", "udp", "sctp"];
const MAX_PORT = 65_535;

/**
 * Ports of an EXPOSE (`80`, `53/udp`, `7000-7010`) as the config has them: `80/tcp`, one for each of a range. Docker also takes
 * `[ip:]host:container` and drops what is before the container's port. Throws invalid-argument with Docker's words.
 * @see BuildKit frontend/dockerfile/dockerfile2llb/convert_expose.go
 */
export function exposedPorts(words: readonly string[]): string[] {
  return words.flatMap(portsOf);
}

function portsOf(word: string): string[] {
  const parts = word.split(":");
  const [container, host, ip] = [parts.at(-1) ?? "", parts.at(-2) ?? "", parts.slice(0, -2).join(":")];
  const slash = container.indexOf("/");
  const port = slash === -1 ? container : container.slice(0, slash);
  const protocol = (slash === -1 ? "" : container.slice(slash + 1)).toLowerCase() || "tcp";
  if (port === "") throw invalid(`no port specified: ${container}<empty>`);
  if (!PROTOCOLS.includes(protocol)) throw invalid(`invalid proto: ${protocol}`);
  if (ip !== "" && isIP(ip.replace(/^\[(.*)\]$/, "$1")) === 0) throw invalid(`invalid IP address: ${ip}`);
  const range = portRange(port);
  if (range === undefined) throw invalid(`invalid containerPort: ${port}`);
  refuseOtherRange(range, { port, host });
  const [first, last] = range;
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${protocol}`);
}

/** The host's range may be longer only where the container has a single port. */
function refuseOtherRange([first, last]: [number, number], { port, host }: { port: string; host: string }): void {
  if (host === "") return;
  const range = portRange(host);
  if (range === undefined) throw invalid(`invalid hostPort: ${host}`);
  if (range[1] - range[0] === last - first || first === last) return;
  throw invalid(`invalid ranges specified for container and host Ports: ${port} and ${host}`);
}

function portRange(text: string): [number, number] | undefined {
  const match = /^(\d+)(?:-(\d+))?$/.exec(text);
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  return first <= MAX_PORT && last <= MAX_PORT && first <= last ? [first, last] : undefined;
}
