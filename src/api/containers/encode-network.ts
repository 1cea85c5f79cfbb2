import type { Container } from "../../containers/containers.ts";
import type { EndpointState, PortBinding } from "../../networks/networks.ts";
import type { WireEndpoint, WireNetworkSettings, WirePort, WirePortMap } from "../../wire/containers.ts";
import { atLeast } from "../version.ts";

/** What was asked for: `HostConfig.PortBindings`. */
export function encodePortBindings(bindings: PortBinding[]): WirePortMap {
  const map: WirePortMap = {};
  for (const { containerPort, protocol, hostIp, hostPortFirst, hostPortLast } of bindings) {
    const range = hostPortFirst === hostPortLast ? `${hostPortFirst}` : `${hostPortFirst}-${hostPortLast}`;
    (map[`${containerPort}/${protocol}`] ??= []).push({ HostIp: hostIp, HostPort: hostPortFirst === 0 ? "" : range });
  }
  return map;
}

/** What is: published ports, and null for ports that are only exposed. Empty while nothing runs. */
function encodePorts(container: Container): WirePortMap {
  if (container.endpoints.length === 0) return {};
  const map: WirePortMap = {};
  for (const port of container.spec.exposedPorts) map[port] = null;
  for (const { containerPort, protocol, hostIp, hostPort } of container.endpoints.flatMap((one) => one.ports)) {
    (map[`${containerPort}/${protocol}`] ??= []).push({ HostIp: hostIp || "0.0.0.0", HostPort: String(hostPort) });
  }
  return map;
}

/** `Ports` of a list item: one entry a binding. */
export function encodePortList(container: Container): WirePort[] {
  return Object.entries(encodePorts(container)).flatMap(([key, bindings]): WirePort[] => {
    const [port = "0", protocol = "tcp"] = key.split("/");
    const base = { PrivatePort: Number(port), Type: protocol };
    if (bindings === null) return Number.isNaN(base.PrivatePort) ? [] : [base];
    return bindings.map(({ HostIp, HostPort }) => ({
      IP: HostIp,
      PrivatePort: base.PrivatePort,
      PublicPort: Number(HostPort),
      Type: protocol,
    }));
  });
}

export function encodeNetworks(container: Container, version: number): Record<string, WireEndpoint> {
  const joined = container.endpoints.map((endpoint) => [
    endpoint.networkName,
    encodeEndpoint(container, endpoint, version),
  ]);
  if (joined.length > 0) return Object.fromEntries(joined) as Record<string, WireEndpoint>;
  const name = networkName(container);
  return name === undefined ? {} : { [name]: encodeEndpoint(container, undefined, version) };
}

/** Of a container that does not run: the network that it will join. */
function networkName({ spec }: Container): string | undefined {
  const { mode } = spec.network;
  if (mode.startsWith("container:")) return undefined;
  return mode === "default" || mode === "" ? "bridge" : mode;
}

function encodeEndpoint(container: Container, state: EndpointState | undefined, version: number): WireEndpoint {
  const asked = container.spec.network.endpoints[state?.networkName ?? networkName(container) ?? ""];
  const ipam: NonNullable<WireEndpoint["IPAMConfig"]> = {
    ...(asked?.ipv4Address === undefined ? {} : { IPv4Address: asked.ipv4Address }),
    ...(asked?.ipv6Address === undefined ? {} : { IPv6Address: asked.ipv6Address }),
  };
  const aliases = state?.aliases ?? asked?.aliases ?? [];
  return {
    IPAMConfig: Object.keys(ipam).length === 0 ? null : ipam,
    Links: asked?.links.length ? asked.links : null,
    Aliases: aliases.length > 0 ? aliases : null,
    MacAddress: state?.macAddress ?? asked?.macAddress ?? "",
    DriverOpts: asked !== undefined && Object.keys(asked.driverOptions).length > 0 ? asked.driverOptions : null,
    ...(atLeast(version, 48) ? { GwPriority: 0 } : {}),
    NetworkID: state?.networkId ?? "",
    EndpointID: state?.endpointId ?? "",
    Gateway: state?.gateway ?? "",
    IPAddress: state?.ipAddress ?? "",
    IPPrefixLen: state?.prefixLength ?? 0,
    IPv6Gateway: "",
    GlobalIPv6Address: "",
    GlobalIPv6PrefixLen: 0,
    ...(atLeast(version, 44) ? { DNSNames: null } : {}),
  };
}

/** Until 1.51 the default network's address stands at the top too. */
export function encodeNetworkSettings(container: Container, version: number): WireNetworkSettings {
  const first = container.endpoints[0];
  const Networks = encodeNetworks(container, version);
  const Ports = encodePorts(container);
  const sandbox = { SandboxID: first?.endpointId ?? "", SandboxKey: sandboxKey(container) };
  if (atLeast(version, 52)) return { ...sandbox, Ports, Networks };
  return {
    Bridge: "",
    ...sandbox,
    Ports,
    HairpinMode: false,
    LinkLocalIPv6Address: "",
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: first?.endpointId ?? "",
    Gateway: first?.gateway ?? "",
    GlobalIPv6Address: "",
    GlobalIPv6PrefixLen: 0,
    IPAddress: first?.ipAddress ?? "",
    IPPrefixLen: first?.prefixLength ?? 0,
    IPv6Gateway: "",
    MacAddress: first?.macAddress ?? "",
    Networks,
  };
}

/** Tools enter the network namespace by this path. */
function sandboxKey({ state }: Container): string {
  return state.status === "running" || state.status === "paused" ? `/proc/${state.pid}/ns/net` : "";
}
