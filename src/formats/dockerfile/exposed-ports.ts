import { isIP } from "node:net";
import { DockerfileError } from "./dockerfile-error.ts";

const PROTOCOLS = ["tcp", "udp", "sctp"];

interface Range {
  first: number;
  last: number;
}

/** All ports that there are, of every protocol, and as many again: ranges of ranges would fill the memory. */
const MAX_PORTS = 2 * 3 * 65536;

/**
 * Words of EXPOSE, without variables, as keys of an image's `ExposedPorts`: `53/udp`. A range gives one for each port; each is told
 * once. An address and a port of the host are read and dropped. Throws DockerfileError with Docker's words.
 * @see BuildKit frontend/dockerfile/dockerfile2llb/convert_expose.go
 */
export function parseExposedPorts(words: string[]): string[] {
  const ports = new Set<string>();
  let count = 0;
  for (const word of words) {
    const { range, protocol } = parsePort(word);
    count += length(range) + 1;
    if (count > MAX_PORTS) throw new DockerfileError(`more than ${MAX_PORTS} ports`);
    for (let number = range.first; number <= range.last; number++) ports.add(`${number}/${protocol}`);
  }
  return [...ports];
}

function parsePort(word: string): { range: Range; protocol: string } {
  const parts = word.split(":");
  const container = parts.pop() as string;
  const host = parts.pop() ?? "";
  const address = parts.join(":").replace(/^\[(.*)\]$/, "$1");
  const [port = "", written = ""] = container.split("/", 2);
  const protocol = written === "" ? "tcp" : written.toLowerCase();
  const wrap = (why: string) => new DockerfileError(`invalid port: ${JSON.stringify(word)}: ${why}`);
  if (port === "") throw wrap("no port specified");
  if (!PROTOCOLS.includes(protocol)) throw wrap(`invalid proto: ${written}`);
  if (address !== "" && isIP(address) === 0) throw new DockerfileError(`invalid IP address: ${address}`);
  const range = rangeOf(port);
  if (range === undefined) throw new DockerfileError(`invalid containerPort: ${port}`);
  const hostRange = host === "" ? undefined : rangeOf(host);
  if (host !== "" && hostRange === undefined) throw new DockerfileError(`invalid hostPort: ${host}`);
  // One port of the container may take any of several of the host.
  if (hostRange !== undefined && length(range) !== length(hostRange) && length(range) > 0)
    throw new DockerfileError(`invalid ranges specified for container and host Ports: ${port} and ${host}`);
  return { range, protocol };
}

function rangeOf(text: string): Range | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  return last >= first && last <= 65535 ? { first, last } : undefined;
}

function length({ first, last }: Range): number {
  return last - first;
}
