import { renderHostname, renderHosts } from "../networks/hosts-file.ts";
import type { EndpointState } from "../networks/networks.ts";
import { renderResolvConf } from "../networks/resolv-conf.ts";
import type { ContainersDeps } from "./deps.ts";

export interface EtcRequest {
  hostname: string;
  domainname: string;
  extraHosts: string[];
  /** Where empty: the daemon's, then the host's. */
  dns: { servers: string[]; search: string[]; options: string[] };
  /** Where it is in a network. */
  endpoint: Pick<EndpointState, "ipAddress" | "gateway"> | undefined;
  hostNetwork: boolean;
}

export interface EtcTexts {
  hostname: string;
  hosts: string;
  resolvConf: string;
}

/** What is mounted over /etc/hostname, /etc/hosts and /etc/resolv.conf. Pure, but for the host's own files. */
export function renderEtcFiles(
  { hostname, domainname, extraHosts, dns, endpoint, hostNetwork }: EtcRequest,
  deps: { hostFiles: ContainersDeps["hostFiles"]; defaults: Pick<ContainersDeps["defaults"], "dns"> },
): { texts: EtcTexts; warnings: string[] } {
  const { ipAddress = "", gateway = "" } = endpoint ?? {};
  const { text, warnings } = renderResolvConf({
    hostResolvConf: deps.hostFiles.resolvConf(),
    dns: orElse(dns.servers, deps.defaults.dns.servers),
    search: orElse(dns.search, deps.defaults.dns.search),
    options: orElse(dns.options, deps.defaults.dns.options),
    hostNetwork,
  });
  const hosts = renderHosts({
    hostname,
    domainname,
    addresses: ipAddress === "" ? [] : [ipAddress],
    extraHosts,
    ...(gateway === "" ? {} : { hostGateway: gateway }),
    ...(hostNetwork ? { base: deps.hostFiles.hosts() } : {}),
  });
  return { texts: { hostname: renderHostname(hostname), hosts, resolvConf: text }, warnings };
}

function orElse(own: string[], otherwise: string[]): string[] {
  return own.length > 0 ? own : otherwise;
}
