import type { Reference } from "../../formats/reference/reference.ts";

/** What an endpoint may be asked for: names (tags), content by digest, uploads. */
export type Capability = "resolve" | "pull" | "push";

/** How a server is to be trusted; PEM texts. */
export interface EndpointTls {
  /** Besides the system's roots. */
  ca: string[];
  /** Certificate and key with which we show who we are. */
  cert?: string;
  key?: string;
  /** True: any certificate will do. */
  insecure: boolean;
}

/** One server to ask. */
export interface Endpoint {
  /** `https://registry-1.docker.io/v2`, without a slash at its end. */
  base: string;
  /** The registry itself and not a mirror: the user's credentials are for it. */
  isOrigin: boolean;
  capabilities: ReadonlySet<Capability>;
  tls: EndpointTls;
  headers: Record<string, string>;
}

/** Of a server elsewhere only the roots hold, not the leave to skip verification, nor our certificate. */
export function tlsElsewhere({ ca }: EndpointTls): EndpointTls {
  return { ca, insecure: false };
}

export const ALL_CAPABILITIES: ReadonlySet<Capability> = new Set<Capability>(["resolve", "pull", "push"]);
export const READ_CAPABILITIES: ReadonlySet<Capability> = new Set<Capability>(["resolve", "pull"]);

const DOCKER_HUB = "docker.io";
/** Where the images of docker.io really are. */
const DOCKER_HUB_HOST = "registry-1.docker.io";

/** `host[:port]` of the server behind a reference's domain. */
export function hostOfDomain(domain: Reference["domain"]): string {
  return domain === DOCKER_HUB ? DOCKER_HUB_HOST : domain;
}

/** A name, or an address with the brackets of IPv6 taken away, without its port. */
export function hostnameOf(host: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(host)?.[1];
  return bracketed ?? host.replace(/:\d+$/, "");
}

/** Plain HTTP is Docker's second try for these without being told so. @see docker "insecure registries": 127.0.0.0/8 and ::1 */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}
