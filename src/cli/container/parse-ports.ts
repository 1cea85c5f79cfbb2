import { isIP } from "./ip-address.ts";

export interface PublishedPort {
  /** `80/tcp`. */
  port: string;
  hostIp: string;
  /** "", one port or a range to choose from. */
  hostPort: string;
}

const MAX_PORT = 65535;

/** The grammar of `-p`: `[[ip:][hostPort]:]containerPort[/protocol]`, each a port or a range. Throws in Docker's words. */
export function parsePublish(text: string): PublishedPort[] {
  const parts = splitSpec(text.includes("=") ? longForm(text) : text);
  const [container, protocol] = splitProtocol(parts.container);
  const hostIp = parts.ip.startsWith("[") ? parts.ip.replace(/^\[(.*)\]$/, "$1") : parts.ip;
  if (hostIp !== "" && isIP(hostIp) === 0) throw new Error(`invalid IP address: ${hostIp}`);
  if (container === "") throw new Error(`no port specified: ${text}<empty>`);
  const inside = parseRange(container, "containerPort");
  const outside = parts.host === "" ? undefined : parseRange(parts.host, "hostPort");
  const sameLength = outside === undefined || outside.end - outside.start === inside.end - inside.start;
  if (!sameLength && inside.end !== inside.start) {
    throw new Error(`invalid ranges specified for container and host Ports: ${container} and ${parts.host}`);
  }
  if (!["tcp", "udp", "sctp"].includes(protocol)) throw new Error(`invalid proto: ${protocol}`);
  const published: PublishedPort[] = [];
  for (let port = inside.start; port <= inside.end; port++) {
    let hostPort = "";
    if (outside !== undefined) {
      hostPort = sameLength ? String(outside.start + port - inside.start) : `${outside.start}-${outside.end}`;
    }
    published.push({ port: `${port}/${protocol}`, hostIp, hostPort });
  }
  return published;
}

/** The grammar of `--expose`: `80`, `80-90/udp`. */
export function parseExpose(text: string): string[] {
  if (text.includes(":")) throw new Error(`invalid port format for --expose: ${text}`);
  const [range, protocol] = splitProtocol(text);
  const ends = range.split("-");
  for (const end of ends) {
    if (!/^\d+$/.test(end) || Number(end) > MAX_PORT) {
      const why = /^\d+$/.test(end) ? "value out of range" : "invalid syntax";
      throw new Error(
        `invalid range format for --expose: ${text}, error: strconv.ParseUint: parsing ${JSON.stringify(end)}: ${why}`,
      );
    }
  }
  const { start, end } = parseRange(range, "port");
  return Array.from({ length: end - start + 1 }, (_, index) => `${start + index}/${protocol}`);
}

function splitSpec(text: string): { ip: string; host: string; container: string } {
  const parts = text.split(":");
  const container = parts.pop() ?? "";
  const host = parts.pop() ?? "";
  return { ip: parts.join(":"), host, container };
}

function splitProtocol(text: string): [port: string, protocol: string] {
  const slash = text.indexOf("/");
  if (slash < 0) return [text, "tcp"];
  const protocol = text.slice(slash + 1).toLowerCase();
  return [text.slice(0, slash), protocol === "" ? "tcp" : protocol];
}

function parseRange(text: string, what: string): { start: number; end: number } {
  const match = /^(\d+)(?:-(\d+))?$/.exec(text);
  const start = Number(match?.[1]);
  const end = Number(match?.[2] ?? match?.[1]);
  if (match === null || start > MAX_PORT || end > MAX_PORT || end < start) throw new Error(`invalid ${what}: ${text}`);
  return { start, end };
}

/** `published=8080,target=80,protocol=tcp` in the short form. */
function longForm(text: string): string {
  const fields = new Map(text.split(",").map((field) => [field.split("=")[0] ?? "", field.split("=")[1] ?? ""]));
  for (const name of fields.keys()) {
    if (!["published", "target", "protocol", "mode"].includes(name)) throw new Error(`invalid field key ${name}`);
  }
  const target = fields.get("target") ?? "";
  return `${fields.get("published") ?? ""}:${target}/${fields.get("protocol") ?? "tcp"}`;
}
