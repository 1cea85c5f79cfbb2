import { randomBytes } from "node:crypto";
import { EngineError, invalid, messageOf } from "../base/errors.ts";
import { randomId } from "../base/ids.ts";
import type { Logger } from "../base/logger.ts";
import { AddressPool } from "./address-pool.ts";
import { type BridgeOptions, type BridgePlan, ensureBridge, macOf } from "./default-bridge.ts";
import type { HostNetwork } from "./host-network.ts";
import { formatIpv4, type Ipv4, parseIpv4 } from "./ipv4.ts";
import { formatMac, parseMac } from "./mac-address.ts";
import type { NetworkRecord } from "./network-records.ts";
import type { AttachmentRequest, EndpointState, PortBinding, PublishedPort, Sandbox } from "./networks.ts";
import { type PortKernel, PortTable, type Reservation } from "./port-table.ts";
import type { Forwarding } from "./ruleset.ts";
import type { RulesetGuard } from "./ruleset-guard.ts";
import { renderContainerMessages, renderHostMessages } from "./sandbox-messages.ts";
import { forgetStaleFlows } from "./stale-flows.ts";

const DYNAMIC_RANGE = { first: 49153, last: 65535 };
/** A dead container's veth is removed by the kernel soon; one that is there still after this long is somebody's leak. */
const SWEEP_DELAY_MS = 2000;
const VETH_PREFIX = "gveth";

export interface BridgeNetworkDeps {
  record: NetworkRecord;
  options: BridgeOptions;
  plan: BridgePlan;
  host: HostNetwork;
  ports: PortKernel;
  guard: RulesetGuard;
  log: Logger;
}

interface Attachment {
  state: EndpointState;
  address: Ipv4;
  reservations: Omit<Reservation, "fd">[];
  forwardings: Forwarding[];
}

/** The bridge and everything attached to it. */
export class BridgeNetwork {
  readonly #deps: BridgeNetworkDeps;
  readonly #pool: AddressPool;
  readonly #ports: PortTable;
  readonly #attachments = new Map<string, Attachment>();
  #bridgeIndex = 0;
  #sweep: ReturnType<typeof setTimeout> | undefined;

  constructor(deps: BridgeNetworkDeps) {
    this.#deps = deps;
    this.#pool = new AddressPool(deps.plan.subnet, deps.plan.range, deps.plan.gateway);
    this.#ports = new PortTable(deps.ports, dynamicRange(deps.host));
    if (deps.plan.containerGateway !== deps.plan.gateway) this.#pool.claim(deps.plan.containerGateway);
  }

  get endpoints(): EndpointState[] {
    return [...this.#attachments.values()].map(({ state }) => state);
  }

  /** The bridge is there and the table installed. Cheap when nothing is to be done. Throws NetlinkError. */
  ensure(): void {
    const { options, plan, host, guard, log } = this.#deps;
    if (this.#bridgeIndex !== 0 && host.interfaceIndex(options.bridge) === this.#bridgeIndex) return;
    this.#bridgeIndex = ensureBridge(options, plan, host, log);
    const { bridge, interContainerCommunication } = options;
    guard.install([{ bridge, subnet: plan.subnet, interContainerCommunication }]);
    // A packet must pass every table's hook: what another program drops by default, our table cannot let through.
    for (const chain of host.droppingForwardChains())
      log.warn(
        `the firewall chain "${chain}" drops forwarded packets by default: containers reach the world, and are reached from it, only where it has rules that accept interface ${bridge} (with Docker: iptables -I DOCKER-USER -i ${bridge} -j ACCEPT; iptables -I DOCKER-USER -o ${bridge} -j ACCEPT)`,
      );
  }

  attach(request: AttachmentRequest): Sandbox {
    if (request.endpoint.ipv4Address !== undefined || request.endpoint.ipv6Address !== undefined)
      throw invalid("user specified IP address is supported on user defined networks only");
    const mac = request.endpoint.macAddress === undefined ? undefined : parseMac(request.endpoint.macAddress);
    this.ensure();
    const address = this.#pool.take();
    const reservations: Reservation[] = [];
    const endpointId = randomId();
    try {
      for (const binding of request.portBindings) reservations.push(this.#reserve(binding));
      const forwardings = reservations.map((reservation, index) =>
        forwardingOf(reservation, address, (request.portBindings[index] as PortBinding).containerPort),
      );
      this.#deps.guard.add(forwardings);
      const state = this.#state(request, { endpointId, address, mac: mac ?? macOf(address), forwardings });
      this.#attachments.set(endpointId, { state, address, reservations, forwardings });
      forgetStaleFlows(this.#deps.host, forwardings, true, this.#deps.log);
      return this.#sandbox(state, address, reservations);
    } catch (error) {
      for (const reservation of reservations) this.#releaseReservation(reservation);
      this.#pool.release(address);
      throw connectivityFailure(error, request.containerName, endpointId);
    }
  }

  /** Twice, or of an endpoint nobody knows: nothing. */
  detach(endpointId: string): void {
    const attachment = this.#attachments.get(endpointId);
    if (attachment === undefined) return;
    this.#attachments.delete(endpointId);
    for (const reservation of attachment.reservations) this.#ports.release(reservation);
    this.#pool.release(attachment.address);
    this.#sweepSoon();
    this.#deps.guard.remove(attachment.forwardings);
    forgetStaleFlows(this.#deps.host, attachment.forwardings, false, this.#deps.log);
  }

  /** What a running container holds since before the daemon was restarted. Throws conflict, invalid-argument. */
  adopt(state: EndpointState): void {
    const address = parseIpv4(state.ipAddress);
    if (address === undefined) throw invalid(`invalid address ${state.ipAddress}`);
    this.#pool.claim(address);
    const forwardings = state.ports.map((port) => ({
      protocol: port.protocol,
      hostAddress: parseIpv4(port.hostIp) ?? 0,
      hostPort: port.hostPort,
      containerAddress: address,
      containerPort: port.containerPort,
    }));
    const reservations = forwardings.map(({ protocol, hostAddress, hostPort }) => {
      this.#ports.adopt(protocol, hostAddress, hostPort);
      return { protocol, address: hostAddress, port: hostPort };
    });
    this.#attachments.set(state.endpointId, { state, address, reservations, forwardings });
    this.#deps.guard.add(forwardings);
  }

  /** Removes veths of this bridge that belong to no attachment. */
  removeStrayLinks(): void {
    const { host, log } = this.#deps;
    const known = new Set([...this.#attachments.keys()].map(vethName));
    for (const link of host.links()) {
      if (link.master !== this.#bridgeIndex || !link.name.startsWith(VETH_PREFIX) || known.has(link.name)) continue;
      try {
        host.deleteLink(link.index);
      } catch (error) {
        // Gone between the listing and here: its namespace ended by itself.
        log.debug("stray link not removed", { link: link.name, error: messageOf(error) });
      }
    }
  }

  close(): void {
    clearTimeout(this.#sweep);
  }

  #reserve(binding: PortBinding): Reservation {
    const text = binding.hostIp === "" ? this.#deps.options.publishAddress : binding.hostIp;
    const address = parseIpv4(text);
    if (address === undefined)
      throw new EngineError("not-implemented", `cannot publish on ${text}: this network has IPv4 addresses only`);
    return this.#ports.reserve(binding, address);
  }

  #releaseReservation(reservation: Reservation): void {
    this.#ports.release(reservation);
    if (reservation.fd !== undefined) this.#deps.ports.close(reservation.fd);
  }

  #state(
    { containerId, endpoint }: AttachmentRequest,
    made: { endpointId: string; address: Ipv4; mac: Uint8Array; forwardings: Forwarding[] },
  ): EndpointState {
    const { record, plan } = this.#deps;
    return {
      networkName: record.name,
      networkId: record.id,
      endpointId: made.endpointId,
      containerId,
      gateway: formatIpv4(plan.containerGateway),
      ipAddress: formatIpv4(made.address),
      prefixLength: plan.subnet.prefixLength,
      macAddress: formatMac(made.mac),
      ports: made.forwardings.map(
        ({ containerPort, protocol, hostAddress, hostPort }): PublishedPort => ({
          containerPort,
          protocol,
          hostIp: formatIpv4(hostAddress),
          hostPort,
        }),
      ),
      aliases: endpoint.aliases,
    };
  }

  #sandbox(state: EndpointState, address: Ipv4, reservations: Reservation[]): Sandbox {
    const { plan, options } = this.#deps;
    const { hostIndex, peerIndex } = linkIndexes();
    const link = {
      hostName: vethName(state.endpointId),
      hostIndex,
      bridgeIndex: this.#bridgeIndex,
      peerIndex,
      mac: parseMac(state.macAddress),
      mtu: options.mtu,
      address,
      subnet: plan.subnet,
      gateway: plan.containerGateway,
      hairpin: reservations.length > 0,
      isolated: !options.interContainerCommunication,
    };
    return {
      endpoint: state,
      hostMessages: renderHostMessages(link),
      containerMessages: renderContainerMessages(link),
      portReservations: reservations.map(({ fd }) => fd).filter((fd) => fd !== undefined),
    };
  }

  #sweepSoon(): void {
    if (this.#sweep !== undefined) return;
    this.#sweep = setTimeout(() => {
      this.#sweep = undefined;
      try {
        this.removeStrayLinks();
      } catch (error) {
        this.#deps.log.warn("cannot look for stray links", { error: messageOf(error) });
      }
    }, SWEEP_DELAY_MS);
    this.#sweep.unref();
  }
}

function forwardingOf({ protocol, address, port }: Reservation, container: Ipv4, containerPort: number): Forwarding {
  return { protocol, hostAddress: address, hostPort: port, containerAddress: container, containerPort };
}

function vethName(endpointId: string): string {
  return `${VETH_PREFIX}${endpointId.slice(0, 7)}`;
}

/**
 * Interface indexes of a pair, chosen by us so that the container's messages can name its interface before it exists. Random
 * and far above those that the kernel counts up, so that several daemons need no agreement.
 */
function linkIndexes(): { hostIndex: number; peerIndex: number } {
  const hostIndex = 0x100000 + (randomBytes(4).readUInt32LE(0) & 0x3ffffffe);
  return { hostIndex, peerIndex: hostIndex + 1 };
}

/** Docker serves port 0 from the host's own range of dynamic ports. */
function dynamicRange(host: HostNetwork): { first: number; last: number } {
  try {
    const [first = 0, last = 0] = host.readSysctl("ipv4/ip_local_port_range").split(/\s+/).map(Number);
    return first > 0 && last >= first ? { first, last } : DYNAMIC_RANGE;
  } catch {
    return DYNAMIC_RANGE;
  }
}

/** dockerd's words round the reason why an endpoint could not be made. */
function connectivityFailure(error: unknown, containerName: string, endpointId: string): unknown {
  if (!(error instanceof EngineError) || error.kind !== "internal") return error;
  return new EngineError(
    error.kind,
    `driver failed programming external connectivity on endpoint ${containerName} (${endpointId}): ${error.message}`,
    { cause: error },
  );
}
