import { type Message, parseAttributes, textOf } from "./message-reader.ts";
import { MessageWriter, NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REQUEST } from "./message-writer.ts";

const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;
const RTM_GETADDR = 22;
const RTM_NEWROUTE = 24;
const RTM_GETROUTE = 26;

const AF_UNSPEC = 0;
const AF_INET = 2;
const IFF_UP = 1;

const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_MASTER = 10;
const IFLA_LINKINFO = 18;
const IFLA_NET_NS_PID = 19;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_INFO_SLAVE_KIND = 4;
const IFLA_INFO_SLAVE_DATA = 5;
const IFLA_BRPORT_MODE = 4;
const IFLA_BRPORT_ISOLATED = 33;
const VETH_INFO_PEER = 1;

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_BROADCAST = 4;

const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RT_TABLE_MAIN = 254;
const RTPROT_BOOT = 3;
const RTN_UNICAST = 1;

/** A fresh network namespace has `lo` at 1, always. */
export const LOOPBACK_INDEX = 1;

const ASK = NLM_F_REQUEST | NLM_F_ACK;
const MAKE = ASK | NLM_F_CREATE | NLM_F_EXCL;

export interface VethPair {
  hostName: string;
  hostIndex: number;
  bridgeIndex: number;
  peerName: string;
  peerIndex: number;
  /** Six bytes. */
  peerMac: Uint8Array;
  mtu: number;
}

/**
 * A pair whose host end is enslaved and up, and whose other end is born, under its name, in the namespace of the process whose pid
 * is written at the offset returned. Both indexes are chosen here: the kernel honours the peer's only together with the host's.
 */
export function addVethPair(writer: MessageWriter, pair: VethPair): number {
  let pidAt = 0;
  writer.begin(RTM_NEWLINK, MAKE);
  linkHeader(writer, pair.hostIndex, IFF_UP)
    .attributeString(IFLA_IFNAME, pair.hostName)
    .attributeU32(IFLA_MTU, pair.mtu)
    .attributeU32(IFLA_MASTER, pair.bridgeIndex)
    .nest(IFLA_LINKINFO, (info) =>
      info.attributeString(IFLA_INFO_KIND, "veth").nest(IFLA_INFO_DATA, (data) =>
        data.nest(VETH_INFO_PEER, (peer) => {
          // Not up: veth_open refuses an end whose partner is not tied to it yet.
          linkHeader(peer, pair.peerIndex, 0)
            .attributeString(IFLA_IFNAME, pair.peerName)
            .attributeU32(IFLA_MTU, pair.mtu)
            .attribute(IFLA_ADDRESS, pair.peerMac);
          pidAt = peer.offset + 4;
          peer.attributeU32(IFLA_NET_NS_PID, 0);
        }),
      ),
    )
    .end();
  return pidAt;
}

/**
 * `hairpin`: the port may send a frame back where it came from (a container that talks to its own published port).
 * `isolated`: no frames between it and other isolated ports.
 */
export function setBridgePort(
  writer: MessageWriter,
  index: number,
  { hairpin, isolated }: { hairpin: boolean; isolated: boolean },
): void {
  writer.begin(RTM_NEWLINK, ASK);
  linkHeader(writer, index, 0)
    .nest(IFLA_LINKINFO, (info) =>
      info
        .attributeString(IFLA_INFO_SLAVE_KIND, "bridge")
        .nest(IFLA_INFO_SLAVE_DATA, (data) =>
          data.attributeU8(IFLA_BRPORT_MODE, Number(hairpin)).attributeU8(IFLA_BRPORT_ISOLATED, Number(isolated)),
        ),
    )
    .end();
}

export function addBridge(writer: MessageWriter, name: string, mac: Uint8Array, mtu: number): void {
  writer.begin(RTM_NEWLINK, MAKE);
  linkHeader(writer, 0, 0)
    .attributeString(IFLA_IFNAME, name)
    .attributeU32(IFLA_MTU, mtu)
    .attribute(IFLA_ADDRESS, mac)
    .nest(IFLA_LINKINFO, (info) => info.attributeString(IFLA_INFO_KIND, "bridge"))
    .end();
}

export function setLinkUp(writer: MessageWriter, index: number): void {
  writer.begin(RTM_NEWLINK, ASK);
  linkHeader(writer, index, IFF_UP).end();
}

export function deleteLink(writer: MessageWriter, index: number): void {
  writer.begin(RTM_DELLINK, ASK);
  linkHeader(writer, index, 0).end();
}

/** Addresses are four bytes in network order. */
export function addAddress(
  writer: MessageWriter,
  index: number,
  { address, prefixLength, broadcast }: { address: Uint8Array; prefixLength: number; broadcast: Uint8Array },
): void {
  writer
    .begin(RTM_NEWADDR, MAKE)
    .u8(AF_INET)
    .u8(prefixLength)
    .u8(0)
    .u8(0)
    .u32(index)
    .attribute(IFA_LOCAL, address)
    .attribute(IFA_ADDRESS, address)
    .attribute(IFA_BROADCAST, broadcast)
    .end();
}

export function addDefaultRoute(writer: MessageWriter, index: number, gateway: Uint8Array): void {
  writer.begin(RTM_NEWROUTE, MAKE);
  routeHeader(writer).attribute(RTA_GATEWAY, gateway).attributeU32(RTA_OIF, index).end();
}

export function dumpLinks(): Uint8Array {
  const writer = new MessageWriter().begin(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP);
  return linkHeader(writer, 0, 0).end().finish();
}

export function dumpAddresses(): Uint8Array {
  return new MessageWriter()
    .begin(RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP)
    .u8(AF_INET)
    .u8(0)
    .u8(0)
    .u8(0)
    .u32(0)
    .end()
    .finish();
}

export function dumpRoutes(): Uint8Array {
  const writer = new MessageWriter().begin(RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP);
  return routeHeader(writer).end().finish();
}

export interface Link {
  index: number;
  name: string;
  up: boolean;
  /** Index of the bridge it is a port of; 0: none. */
  master: number;
  kind: string;
  mac: string;
}

export function parseLink({ payload }: Message): Link {
  const attributes = parseAttributes(payload, 16);
  const info = attributes.get(IFLA_LINKINFO);
  return {
    index: payload.readInt32LE(4),
    name: textOf(attributes.get(IFLA_IFNAME)),
    up: (payload.readUInt32LE(8) & IFF_UP) !== 0,
    master: attributes.get(IFLA_MASTER)?.readUInt32LE(0) ?? 0,
    kind: info === undefined ? "" : textOf(parseAttributes(info).get(IFLA_INFO_KIND)),
    mac: [...(attributes.get(IFLA_ADDRESS) ?? [])].map((byte) => byte.toString(16).padStart(2, "0")).join(":"),
  };
}

export interface InterfaceAddress {
  index: number;
  address: Uint8Array;
  prefixLength: number;
}

export function parseAddress({ payload }: Message): InterfaceAddress {
  const attributes = parseAttributes(payload, 8);
  const address = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS) ?? Buffer.alloc(4);
  return { index: payload.readUInt32LE(4), prefixLength: payload.readUInt8(1), address };
}

export interface Route {
  /** Four bytes; 0.0.0.0 for a default route. */
  destination: Uint8Array;
  prefixLength: number;
  interfaceIndex: number;
}

/** Undefined for routes outside the main table (local, broadcast). */
export function parseRoute({ payload }: Message): Route | undefined {
  if (payload.readUInt8(4) !== RT_TABLE_MAIN) return undefined;
  const attributes = parseAttributes(payload, 12);
  return {
    destination: attributes.get(RTA_DST) ?? Buffer.alloc(4),
    prefixLength: payload.readUInt8(1),
    interfaceIndex: attributes.get(RTA_OIF)?.readUInt32LE(0) ?? 0,
  };
}

/** struct ifinfomsg; only the flag IFF_UP is ever changed. */
function linkHeader(writer: MessageWriter, index: number, flags: number): MessageWriter {
  return writer.u8(AF_UNSPEC).u8(0).u16(0).u32(index).u32(flags).u32(flags);
}

/** struct rtmsg of a unicast route without a destination. */
function routeHeader(writer: MessageWriter): MessageWriter {
  return writer.u8(AF_INET).u8(0).u8(0).u8(0).u8(RT_TABLE_MAIN).u8(RTPROT_BOOT).u8(0).u8(RTN_UNICAST).u32(0);
}
