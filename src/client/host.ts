/** Where a daemon listens. `url` is the text that error messages show. */
export type Host = { url: string } & (
  | { kind: "unix"; path: string }
  | { kind: "tcp"; hostname: string; port: number; tls?: HostTls }
);

/** PEM texts of a TCP host with mutual TLS. `verify: false` is `--tls` without `--tlsverify`. */
export interface HostTls {
  ca?: string;
  cert?: string;
  key?: string;
  verify: boolean;
}

export const DEFAULT_HOST = "unix:///run/gantry.sock";
const DEFAULT_PORT = 2375;
const DEFAULT_TLS_PORT = 2376;

/** Parses `unix:///path`, `tcp://host:port`, `http://host:port`. Throws Error in Docker's words. */
export function parseHost(url: string, tls?: HostTls): Host {
  const match = /^([a-z]+):\/\/(.*)$/.exec(url);
  const [scheme, rest] = [match?.[1], match?.[2] ?? ""];
  if (scheme === "unix") {
    if (rest === "") throw new Error(`invalid bind address format: ${url}`);
    return { kind: "unix", path: rest, url };
  }
  if (scheme === "tcp" || scheme === "http" || scheme === "https") {
    const secure = scheme === "https" || tls !== undefined;
    const { hostname, port } = splitHostPort(rest.replace(/\/.*$/, ""), secure ? DEFAULT_TLS_PORT : DEFAULT_PORT, url);
    const base = { kind: "tcp" as const, hostname, port, url };
    return secure ? { ...base, tls: tls ?? { verify: true } } : base;
  }
  if (scheme === "ssh" || scheme === "npipe" || scheme === "fd") throw new Error(`unsupported protocol scheme: ${url}`);
  throw new Error(`invalid bind address format: ${url}`);
}

function splitHostPort(text: string, defaultPort: number, url: string): { hostname: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^:[\]]*))(?::(\d+))?$/.exec(text);
  if (match === null) throw new Error(`invalid bind address format: ${url}`);
  const hostname = match[1] ?? match[2] ?? "";
  return { hostname: hostname === "" ? "localhost" : hostname, port: Number(match[3] ?? defaultPort) };
}
