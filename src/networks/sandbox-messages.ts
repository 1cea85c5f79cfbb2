import { MessageWriter } from "../kernel/netlink/message-writer.ts";
import {
  addAddress,
  addDefaultRoute,
  addVethPair,
  LOOPBACK_INDEX,
  setBridgePort,
  setLinkUp,
} from "../kernel/netlink/route-messages.ts";
import { broadcastOf, type Ipv4, ipv4Bytes, type Subnet } from "./ipv4.ts";
import type { Sandbox } from "./networks.ts";

export interface SandboxLink {
  hostName: string;
  hostIndex: number;
  bridgeIndex: number;
  peerIndex: number;
  mac: Uint8Array;
  mtu: number;
  address: Ipv4;
  subnet: Subnet;
  gateway: Ipv4;
  /** The container may come back to itself through a published port. */
  hairpin: boolean;
  /** No frames to or from other isolated ports: --icc=false, also where frames do not pass the IPv4 hooks. */
  isolated: boolean;
}

/** The host's side: the pair is made with its far end already in the child's namespace, named eth0. Pure. */
export function renderHostMessages(link: SandboxLink): Sandbox["hostMessages"] {
  const writer = new MessageWriter();
  const pidAt = addVethPair(writer, {
    hostName: link.hostName,
    hostIndex: link.hostIndex,
    bridgeIndex: link.bridgeIndex,
    peerName: "eth0",
    peerIndex: link.peerIndex,
    peerMac: link.mac,
    mtu: link.mtu,
  });
  if (link.hairpin || link.isolated) setBridgePort(writer, link.hostIndex, link);
  return { messages: writer.finish(), acks: writer.count, childPidAt: [pidAt], comment: `veth pair ${link.hostName}` };
}

/** The container's side. Pure. */
export function renderContainerMessages(link: SandboxLink): Sandbox["containerMessages"] {
  const writer = new MessageWriter();
  setLinkUp(writer, LOOPBACK_INDEX);
  addAddress(writer, link.peerIndex, {
    address: ipv4Bytes(link.address),
    prefixLength: link.subnet.prefixLength,
    broadcast: ipv4Bytes(broadcastOf(link.subnet)),
  });
  setLinkUp(writer, link.peerIndex);
  addDefaultRoute(writer, link.peerIndex, ipv4Bytes(link.gateway));
  return { messages: writer.finish(), acks: writer.count, comment: "lo, eth0 and default route" };
}

export function renderLoopbackMessages(): Sandbox["containerMessages"] {
  const writer = new MessageWriter();
  setLinkUp(writer, LOOPBACK_INDEX);
  return { messages: writer.finish(), acks: writer.count, comment: "lo" };
}
