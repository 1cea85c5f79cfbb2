import type { AttachmentRequest, EndpointSpec, PortBinding } from "../networks/networks.ts";
import type { Definition } from "./record.ts";

export type NetworkMode =
  | { kind: "none" }
  | { kind: "host" }
  | { kind: "container"; id: string }
  | { kind: "network"; name: string };

const EMPTY_ENDPOINT: EndpointSpec = { aliases: [], links: [], driverOptions: {} };

export function networkMode(network: { mode: string; disabled: boolean }): NetworkMode {
  const { mode, disabled } = network;
  if (disabled || mode === "none") return { kind: "none" };
  if (mode === "host") return { kind: "host" };
  if (mode.startsWith("container:")) return { kind: "container", id: mode.slice("container:".length) };
  return { kind: "network", name: mode === "" || mode === "default" ? "bridge" : mode };
}

/** What to ask the networks for. */
export function attachmentRequest(definition: Definition, networkName: string): AttachmentRequest {
  const { spec, id } = definition;
  const { endpoints, mode, macAddress } = spec.network;
  const asked = endpoints[networkName] ?? endpoints[mode] ?? EMPTY_ENDPOINT;
  return {
    containerId: id,
    containerName: spec.name,
    network: networkName,
    endpoint: macAddress === undefined || asked.macAddress !== undefined ? asked : { ...asked, macAddress },
    portBindings: portBindings(definition),
  };
}

/** The user's bindings, and with -P a free port for every exposed port that has none. */
export function portBindings({ spec }: Definition): PortBinding[] {
  const { portBindings: own, publishAll } = spec.network;
  if (!publishAll) return own;
  const bound = new Set(own.map((binding) => `${binding.containerPort}/${binding.protocol}`));
  const missing = spec.exposedPorts.flatMap(expandExposed).filter((port) => !bound.has(port));
  return [
    ...own,
    ...missing.map((port): PortBinding => {
      const [number, protocol] = port.split("/");
      return {
        containerPort: Number(number),
        protocol: protocol === "udp" || protocol === "sctp" ? protocol : "tcp",
        hostIp: "",
        hostPortFirst: 0,
        hostPortLast: 0,
      };
    }),
  ];
}

/** `8000-8002/tcp` is three ports; no protocol means tcp. Nonsense (images may hold any text) is left out. */
export function expandExposed(text: string): string[] {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/.exec(text);
  if (match === null) return [];
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  if (first < 1 || last > 65535 || last < first) return [];
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${match[3] ?? "tcp"}`);
}
