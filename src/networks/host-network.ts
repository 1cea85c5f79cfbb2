import { EEXIST, ENOENT, SystemError } from "../kernel/errno.ts";
import { InterfaceIndex } from "../kernel/net-interface.ts";
import { readNetSysctl, writeNetSysctl } from "../kernel/net-sysctl.ts";
import { deleteFlow, dumpUdpFlows, type Flow, parseFlow } from "../kernel/netlink/conntrack-messages.ts";
import { MessageWriter } from "../kernel/netlink/message-writer.ts";
import { NETLINK_NETFILTER, NETLINK_ROUTE, NetlinkSocket } from "../kernel/netlink/netlink-socket.ts";
import {
  addAddress,
  addBridge,
  deleteLink,
  dumpAddresses,
  dumpLinks,
  dumpRoutes,
  type Link,
  parseAddress,
  parseLink,
  parseRoute,
  setLinkUp,
} from "../kernel/netlink/route-messages.ts";
import { droppingForwardChains, dumpTable, generation, type TableObjects } from "../kernel/nftables/generation.ts";
import { broadcastOf, type Ipv4, ipv4Bytes, ipv4FromBytes, type Subnet } from "./ipv4.ts";

export interface BridgeAddress {
  gateway: Ipv4;
  subnet: Subnet;
}

/** What the networks service asks of the kernel, in one network namespace. Every method is synchronous. */
export interface HostNetwork {
  interfaceIndex(name: string): number;
  links(): Link[];
  /** The first IPv4 address of an interface; undefined when it is not there or has none. */
  addressOf(name: string): BridgeAddress | undefined;
  /** Destinations of the main routing table, default routes left out; `except` names an interface whose routes do not count. */
  routes(except: string): Subnet[];
  createBridge(name: string, mac: Uint8Array, mtu: number): void;
  /** The address may be there already. */
  raiseBridge(name: string, address: BridgeAddress): void;
  deleteLink(index: number): void;
  readSysctl(key: string): string;
  writeSysctl(key: string, value: string): void;
  applyRules(batch: Uint8Array, comment: string): void;
  ruleGeneration(): number;
  dumpRules(table: string, maps: string[]): TableObjects;
  /** Chains of other programs that drop forwarded packets by default, as `ip filter FORWARD`. */
  droppingForwardChains(): string[];
  /** Tracked UDP flows that were opened to a port. */
  udpFlows(port: number): Flow[];
  /** Gone already: nothing. */
  forgetFlow(flow: Flow): void;
  close(): void;
}

/** The namespace of the calling thread, for as long as the value lives. Throws SystemError without the right to administer it. */
export function createHostNetwork(): HostNetwork {
  const route = new NetlinkSocket(NETLINK_ROUTE);
  const netfilter = new NetlinkSocket(NETLINK_NETFILTER);
  const names = new InterfaceIndex();
  const request = (comment: string, fill: (writer: MessageWriter) => void) => {
    const writer = new MessageWriter();
    fill(writer);
    route.execute(writer.finish(), comment);
  };
  return {
    interfaceIndex: (name) => names.of(name),
    links: () => route.query(dumpLinks(), "listing links").map(parseLink),
    addressOf(name) {
      const index = names.of(name);
      if (index === 0) return undefined;
      const found = route
        .query(dumpAddresses(), "listing addresses")
        .map(parseAddress)
        .find((entry) => entry.index === index);
      if (found === undefined) return undefined;
      const gateway = ipv4FromBytes(found.address);
      const mask = found.prefixLength === 0 ? 0 : (0xffffffff << (32 - found.prefixLength)) >>> 0;
      return { gateway, subnet: { network: (gateway & mask) >>> 0, prefixLength: found.prefixLength } };
    },
    routes(except) {
      const index = names.of(except);
      return route
        .query(dumpRoutes(), "listing routes")
        .map(parseRoute)
        .filter((entry) => entry !== undefined)
        .filter(({ prefixLength, interfaceIndex }) => prefixLength > 0 && (index === 0 || interfaceIndex !== index))
        .map(({ destination, prefixLength }) => ({ network: ipv4FromBytes(destination), prefixLength }));
    },
    createBridge: (name, mac, mtu) => request(`creating bridge ${name}`, (writer) => addBridge(writer, name, mac, mtu)),
    raiseBridge(name, { gateway, subnet }) {
      const index = names.of(name);
      try {
        request(`address of bridge ${name}`, (writer) =>
          addAddress(writer, index, {
            address: ipv4Bytes(gateway),
            prefixLength: subnet.prefixLength,
            broadcast: ipv4Bytes(broadcastOf(subnet)),
          }),
        );
      } catch (error) {
        if (!(error instanceof SystemError) || error.errno !== EEXIST) throw error;
      }
      request(`raising bridge ${name}`, (writer) => setLinkUp(writer, index));
    },
    deleteLink: (index) => request(`removing link ${index}`, (writer) => deleteLink(writer, index)),
    readSysctl: readNetSysctl,
    writeSysctl: writeNetSysctl,
    applyRules: (batch, comment) => netfilter.execute(batch, comment),
    ruleGeneration: () => generation(netfilter),
    dumpRules: (table, maps) => dumpTable(netfilter, table, maps),
    droppingForwardChains: () => droppingForwardChains(netfilter),
    udpFlows: (port) =>
      netfilter
        .query(dumpUdpFlows(port), `listing flows to port ${port}`)
        .map(parseFlow)
        .filter((flow) => flow !== undefined),
    forgetFlow(flow) {
      try {
        netfilter.execute(deleteFlow(flow), "forgetting a flow");
      } catch (error) {
        if (!(error instanceof SystemError) || error.errno !== ENOENT) throw error;
      }
    },
    close() {
      route.close();
      netfilter.close();
      names.close();
    },
  };
}
