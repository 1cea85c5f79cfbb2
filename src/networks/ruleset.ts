import { type Element, NftBatch } from "../kernel/nftables/batch.ts";
import {
  addressIn,
  CT_STATE,
  CT_STATUS_DNAT,
  connectionHas,
  destinationIsLocal,
  dnat,
  type Expression,
  interfaceIs,
  isIpv4,
  loadDestination,
  loadDestinationPort,
  loadMeta,
  lookup,
  masquerade,
  verdict,
} from "../kernel/nftables/expressions.ts";
import { type Ipv4, ipv4Bytes, netmask, type Subnet } from "./ipv4.ts";

export interface BridgeRules {
  bridge: string;
  subnet: Subnet;
  interContainerCommunication: boolean;
}

/** One published port of one container; `hostAddress` 0 is every address of the host. */
export interface Forwarding {
  protocol: "tcp" | "udp" | "sctp";
  hostAddress: Ipv4;
  hostPort: number;
  containerAddress: Ipv4;
  containerPort: number;
}

/** Ports published on one address, and on every address: (proto, [address,] port) → (container's address, port). */
export const PUBLISHED = "published";
export const PUBLISHED_ANY = "published-any";
export const MAPS = [PUBLISHED, PUBLISHED_ANY];

const PROTOCOL_NUMBERS = { tcp: 6, udp: 17, sctp: 132 } as const;
const LOOPBACK = { network: Uint8Array.of(127, 0, 0, 0), bits: Uint8Array.of(255, 0, 0, 0) };

const PRIORITY = { raw: -300, destinationNat: -100, filter: 0, sourceNat: 100 } as const;

/**
 * The whole table as one batch that replaces whatever is there of it, atomically: at no moment is a port open wider than before.
 * `inet` rather than `ip`: NAT works in it since Linux 5.2, and IPv6 will be more maps in the same batch. The number of rules
 * depends on the number of bridges only; a published port is one element of a hash map.
 */
export function renderRuleset(table: string, bridges: BridgeRules[], forwardings: Forwarding[]): Uint8Array {
  const batch = new NftBatch(table)
    .resetTable()
    .map(PUBLISHED, ["inet_proto", "ipv4_addr", "inet_service"], ["ipv4_addr", "inet_service"], 1)
    .map(PUBLISHED_ANY, ["inet_proto", "inet_service"], ["ipv4_addr", "inet_service"], 2)
    .chain("raw-prerouting", { type: "filter", hook: "prerouting", priority: PRIORITY.raw })
    .chain("nat-prerouting", { type: "nat", hook: "prerouting", priority: PRIORITY.destinationNat })
    .chain("nat-output", { type: "nat", hook: "output", priority: PRIORITY.destinationNat })
    .chain("nat-postrouting", { type: "nat", hook: "postrouting", priority: PRIORITY.sourceNat })
    .chain("filter-forward", { type: "filter", hook: "forward", priority: PRIORITY.filter })
    .chain("to-container");
  const rules = (chain: string, list: Expression[][]) => list.forEach((rule) => batch.rule(chain, rule));
  rules("raw-prerouting", rawRules(bridges));
  rules("nat-prerouting", [
    [...isIpv4, ...addressIn("destination", "!=", LOOPBACK), ...destinationIsLocal, verdict("goto", "to-container")],
  ]);
  rules("nat-output", [[...isIpv4, ...destinationIsLocal, verdict("goto", "to-container")]]);
  rules("to-container", redirectRules());
  rules("nat-postrouting", bridges.flatMap(masqueradeRules));
  rules("filter-forward", bridges.flatMap(forwardRules));
  addForwardings(batch, forwardings);
  return batch.finish();
}

export function renderRemoval(table: string): Uint8Array {
  return new NftBatch(table).removeTable().finish();
}

export function renderForwardings(table: string, change: "add" | "remove", forwardings: Forwarding[]): Uint8Array {
  const batch = new NftBatch(table);
  if (change === "add") addForwardings(batch, forwardings);
  else for (const [map, elements] of byMap(forwardings)) batch.removeElements(map, elements);
  return batch.finish();
}

function addForwardings(batch: NftBatch, forwardings: Forwarding[]): void {
  for (const [map, elements] of byMap(forwardings)) batch.addElements(map, elements);
}

function byMap(forwardings: Forwarding[]): [string, Element[]][] {
  const any = forwardings.filter(({ hostAddress }) => hostAddress === 0);
  const exact = forwardings.filter(({ hostAddress }) => hostAddress !== 0);
  const lists: [string, Element[]][] = [
    [PUBLISHED, exact.map(elementOf)],
    [PUBLISHED_ANY, any.map(elementOf)],
  ];
  return lists.filter(([, elements]) => elements.length > 0);
}

export function elementOf(forwarding: Forwarding): Element {
  const protocol = Uint8Array.of(PROTOCOL_NUMBERS[forwarding.protocol], 0, 0, 0);
  const address = forwarding.hostAddress === 0 ? [] : [ipv4Bytes(forwarding.hostAddress)];
  return {
    key: Buffer.concat([protocol, ...address, portField(forwarding.hostPort)]),
    data: Buffer.concat([ipv4Bytes(forwarding.containerAddress), portField(forwarding.containerPort)]),
  };
}

/** Big-endian, padded to a register. */
function portField(port: number): Uint8Array {
  return Uint8Array.of(port >> 8, port, 0, 0);
}

/**
 * Before connection tracking. A neighbour that routes 127.0.0.0/8 to this host must not reach what was published on loopback
 * (the redirection would happen before the kernel sees a martian: moby#45610), and a container must not reach the host's own
 * loopback services through `route_localnet`, which the bridge needs for localhost → container (CVE-2020-8558).
 */
function rawRules(bridges: BridgeRules[]): Expression[][] {
  const toLoopback = [...isIpv4, ...addressIn("destination", "==", LOOPBACK)];
  return [
    [
      ...interfaceIs("iifname", "!=", "lo"),
      ...toLoopback,
      loadMeta("l4proto", 1),
      loadDestination(9),
      loadDestinationPort(10),
      lookup(PUBLISHED, { mapped: false }),
      verdict("drop"),
    ],
    ...bridges.map(({ bridge }) => [...interfaceIs("iifname", "==", bridge), ...toLoopback, verdict("drop")]),
  ];
}

/** A miss in a map ends its rule only, so the exact address comes first and "every address" second. */
function redirectRules(): Expression[][] {
  return [
    [
      ...isIpv4,
      loadMeta("l4proto", 1),
      loadDestination(9),
      loadDestinationPort(10),
      lookup(PUBLISHED, { mapped: true }),
      dnat(),
    ],
    [...isIpv4, loadMeta("l4proto", 1), loadDestinationPort(9), lookup(PUBLISHED_ANY, { mapped: true }), dnat()],
  ];
}

function masqueradeRules({ bridge, subnet }: BridgeRules): Expression[][] {
  const fromSubnet = [
    ...isIpv4,
    ...addressIn("source", "==", { network: ipv4Bytes(subnet.network), bits: ipv4Bytes(netmask(subnet.prefixLength)) }),
  ];
  const toBridge = interfaceIs("oifname", "==", bridge);
  return [
    // Containers that leave for elsewhere.
    [...fromSubnet, ...interfaceIs("oifname", "!=", bridge), masquerade()],
    // A published port of a neighbour, or of itself: the answer must come back through the host.
    [...fromSubnet, ...toBridge, ...connectionHas("status", CT_STATUS_DNAT), masquerade()],
    // The host's own 127.0.0.1, which a container could not answer.
    [...isIpv4, ...addressIn("source", "==", LOOPBACK), ...toBridge, masquerade()],
  ];
}

/** Into a bridge come answers, redirected ports and (icc) its own containers; direct routing from outside does not. */
function forwardRules({ bridge, interContainerCommunication }: BridgeRules): Expression[][] {
  const into = interfaceIs("oifname", "==", bridge);
  return [
    [...into, ...connectionHas("state", CT_STATE.established | CT_STATE.related), verdict("accept")],
    [...into, ...connectionHas("status", CT_STATUS_DNAT), verdict("accept")],
    ...(interContainerCommunication ? [[...interfaceIs("iifname", "==", bridge), ...into, verdict("accept")]] : []),
    [...into, verdict("drop")],
  ];
}
