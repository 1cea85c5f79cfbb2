import type { Clock } from "../base/clock.ts";
import { EngineError, invalid, messageOf } from "../base/errors.ts";
import { randomId } from "../base/ids.ts";
import type { Logger } from "../base/logger.ts";
import { closePort, reservePort } from "../kernel/net-port.ts";
import { BridgeNetwork } from "./bridge-network.ts";
import { type BridgeOptions, planBridge } from "./default-bridge.ts";
import { createHostNetwork, type HostNetwork } from "./host-network.ts";
import { filterNetworks } from "./network-filters.ts";
import type { NetworkRecord, NetworkRecords } from "./network-records.ts";
import type { AttachmentRequest, EndpointState, Network, Networks, Sandbox } from "./networks.ts";
import type { PortKernel } from "./port-table.ts";
import { lastSubnet, preparePredefined } from "./predefined.ts";
import { RulesetGuard } from "./ruleset-guard.ts";
import { renderLoopbackMessages } from "./sandbox-messages.ts";

export interface NetworksDeps {
  records: NetworkRecords;
  options: BridgeOptions;
  clock: Clock;
  log: Logger;
  /** Default: the kernel, in the calling thread's network namespace. */
  host?: HostNetwork;
  ports?: PortKernel;
}

const DEFAULT_BRIDGE = "gantry0";
const NO_MESSAGES = { messages: new Uint8Array(), acks: 0, comment: "nothing" };

/**
 * The default networks. Reads the host's routes at once; makes the bridge and the nft table at `restore` or at the first
 * attachment. Throws invalid-argument for options that contradict each other, SystemError without CAP_NET_ADMIN.
 */
export function createNetworks(deps: NetworksDeps): Networks {
  const { records, options, clock, log } = deps;
  const table = tableName(options.bridge);
  const host = deps.host ?? createHostNetwork();
  const plan = planBridge(options, host, lastSubnet(records));
  const predefined = preparePredefined(records, plan, options, clock.now());
  const guard = new RulesetGuard(table, host, log);
  const bridge = new BridgeNetwork({
    record: predefined.find(({ name }) => name === "bridge") as NetworkRecord,
    options,
    plan,
    host,
    ports: deps.ports ?? { reserve: reservePort, close: closePort },
    guard,
    log,
  });
  /** Attachments to `host` and `none`, which hold nothing. */
  const idle = new Map<string, EndpointState>();

  const all = (): Network[] =>
    predefined.map((record) => ({
      ...structuredClone(record),
      endpoints: [...bridge.endpoints, ...idle.values()].filter(({ networkId }) => networkId === record.id),
    }));

  return {
    list: async (filters) => filterNetworks(all(), filters),
    get: async (reference) => findNetwork(all(), reference),
    async attach(request) {
      const network = findNetwork(predefined, request.network === "default" ? "bridge" : request.network);
      if (network.name === "bridge") return bridge.attach(request);
      const sandbox = idleSandbox(network, request);
      idle.set(sandbox.endpoint.endpointId, sandbox.endpoint);
      return sandbox;
    },
    async detach({ endpointId }) {
      if (!idle.delete(endpointId)) bridge.detach(endpointId);
    },
    async restore(running) {
      for (const state of running) {
        if (state.networkName !== "bridge") idle.set(state.endpointId, state);
        else adopt(bridge, state, log);
      }
      try {
        bridge.ensure();
        bridge.removeStrayLinks();
      } catch (error) {
        // The daemon must come up all the same: containers without a network can run, and each attachment tries again.
        log.error("cannot set up the default bridge", { bridge: options.bridge, error: messageOf(error) });
      }
    },
    loopbackMessages: renderLoopbackMessages,
    async close() {
      guard.close();
      bridge.close();
      host.close();
    },
  };
}

/** `gantry` for the default bridge; a daemon with a bridge of its own has a table of its own beside it. */
function tableName(bridge: string): string {
  if (!/^[\w.-]{1,15}$/.test(bridge)) throw invalid(`invalid bridge name: ${bridge}`);
  return bridge === DEFAULT_BRIDGE ? "gantry" : `gantry-${bridge}`;
}

/** By name, else by ID, else by an unambiguous start of one. Throws not-found, invalid-argument. */
function findNetwork<T extends { id: string; name: string }>(networks: T[], reference: string): T {
  const exact = networks.find(({ id, name }) => name === reference || id === reference);
  if (exact !== undefined) return exact;
  const [found, other] = reference === "" ? [] : networks.filter(({ id }) => id.startsWith(reference));
  if (found === undefined) throw new EngineError("not-found", `network ${reference} not found`);
  if (other !== undefined) throw invalid(`network ${reference} is ambiguous (2 matches found based on ID prefix)`);
  return found;
}

function idleSandbox(network: NetworkRecord, { containerId, endpoint }: AttachmentRequest): Sandbox {
  return {
    endpoint: {
      networkName: network.name,
      networkId: network.id,
      endpointId: randomId(),
      containerId,
      gateway: "",
      ipAddress: "",
      prefixLength: 0,
      macAddress: "",
      ports: [],
      aliases: endpoint.aliases,
    },
    hostMessages: { ...NO_MESSAGES, childPidAt: [] },
    containerMessages: network.name === "none" ? renderLoopbackMessages() : NO_MESSAGES,
    portReservations: [],
  };
}

function adopt(bridge: BridgeNetwork, state: EndpointState, log: Logger): void {
  try {
    bridge.adopt(state);
  } catch (error) {
    log.error("cannot take over a running container's network", {
      container: state.containerId,
      error: messageOf(error),
    });
  }
}
