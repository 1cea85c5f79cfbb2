import { EngineError } from "../../base/errors.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Network } from "../../networks/networks.ts";
import type { WireNetwork, WireNetworkMember } from "../../wire/networks.ts";
import { filters } from "../filters.ts";
import { type Route, route } from "../route.ts";
import { formatTime } from "../time.ts";
import { atLeast } from "../version.ts";

const PREDEFINED = new Set(["bridge", "host", "none"]);

export function networkRoutes({
  networks,
  containers,
  events,
}: Pick<Engine, "networks" | "containers" | "events">): Route[] {
  return [
    route("GET", "/networks", async ({ query, version }) => {
      const found = await networks.list(filters(query, "networks"));
      // Before 1.28 the list told of the containers too.
      const members = atLeast(version, 28) ? undefined : {};
      return { status: 200, body: found.map((network) => encodeNetwork(network, members, version)) };
    }),
    route("GET", "/networks/{id}", async ({ params, version }) => {
      const network = await networks.get(params.id);
      const names = await Promise.all(network.endpoints.map(({ containerId }) => nameOf(containerId)));
      return { status: 200, body: encodeNetwork(network, encodeMembers(network, names), version) };
    }),
    route("DELETE", "/networks/{id}", async ({ params }) => {
      const { name } = await networks.get(params.id);
      if (PREDEFINED.has(name)) {
        throw new EngineError("forbidden", `${name} is a pre-defined network and cannot be removed`);
      }
      throw new EngineError("not-implemented", "removing networks is not implemented by this engine yet");
    }),
    route(
      "POST",
      "/networks/prune",
      ({ query }) => {
        // Nothing but the three predefined networks exists, and those stay.
        filters(query, "networksPrune");
        events.publish({ type: "network", action: "prune", actorId: "", attributes: { reclaimed: "0" } });
        return { status: 200, body: { NetworksDeleted: null } };
      },
      25,
    ),
  ];

  /** "" for a container that was removed meanwhile. */
  async function nameOf(id: string): Promise<string> {
    return containers.get(id).then(
      (container) => container.spec.name,
      () => "",
    );
  }
}

function encodeMembers(network: Network, names: string[]): Record<string, WireNetworkMember> {
  return Object.fromEntries(
    network.endpoints.map((endpoint, index) => [
      endpoint.containerId,
      {
        Name: names[index] ?? "",
        EndpointID: endpoint.endpointId,
        MacAddress: endpoint.macAddress,
        IPv4Address: endpoint.ipAddress === "" ? "" : `${endpoint.ipAddress}/${endpoint.prefixLength}`,
        IPv6Address: "",
      },
    ]),
  );
}

function encodeNetwork(
  network: Network,
  members: Record<string, WireNetworkMember> | undefined,
  version: number,
): WireNetwork {
  return {
    Name: network.name,
    Id: network.id,
    Created: formatTime(network.createdAt),
    Scope: network.scope,
    Driver: network.driver,
    ...(atLeast(version, 48) ? { EnableIPv4: true } : {}),
    EnableIPv6: network.enableIpv6,
    IPAM: {
      Driver: network.ipam.driver,
      Options: null,
      Config: network.ipam.config.map(({ subnet, gateway }) => ({
        Subnet: subnet,
        ...(gateway === "" ? {} : { Gateway: gateway }),
      })),
    },
    Internal: network.internal,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: "" },
    ConfigOnly: false,
    ...(members === undefined ? {} : { Containers: members }),
    Options: network.options,
    Labels: network.labels,
  };
}
