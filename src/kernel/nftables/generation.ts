import { parseAttributes, textOf } from "../netlink/message-reader.ts";
import { MessageWriter, NLM_F_DUMP, NLM_F_REQUEST } from "../netlink/message-writer.ts";
import type { NetlinkSocket } from "../netlink/netlink-socket.ts";
import { NFNL_SUBSYS_NFTABLES, NFPROTO_INET, NFT } from "./batch.ts";

const HOOK_FORWARD = 2;
const NF_DROP = 0;
/** Families whose forward hook IPv4 packets pass. */
const FAMILIES: Record<number, string> = { 1: "inet", 2: "ip" };

/** A number that changes with every change of any table in the network namespace: the cheap question "was anybody here?". */
export function generation(socket: NetlinkSocket): number {
  const request = new MessageWriter()
    .begin((NFNL_SUBSYS_NFTABLES << 8) | NFT.getGeneration, NLM_F_REQUEST)
    .u8(0)
    .u8(0)
    .u16(0)
    .end()
    .finish();
  const [answer] = socket.query(request, "generation of nf_tables");
  return answer === undefined ? 0 : (parseAttributes(answer.payload, 4).get(1)?.readUInt32BE(0) ?? 0);
}

export interface TableObjects {
  chains: Buffer[];
  rules: Buffer[];
  maps: Buffer[];
  /** NFTA_SET_ELEM_LIST payloads, by map. */
  elements: Buffer[];
}

/** Everything in a table as raw attribute payloads; empty lists when the table is not there. Throws NetlinkError. */
export function dumpTable(socket: NetlinkSocket, table: string, maps: string[]): TableObjects {
  const dump = (message: number, fill: (writer: MessageWriter) => void) => {
    const writer = new MessageWriter()
      .begin((NFNL_SUBSYS_NFTABLES << 8) | message, NLM_F_REQUEST | NLM_F_DUMP)
      .u8(NFPROTO_INET)
      .u8(0)
      .u16(0);
    fill(writer);
    const own = (payload: Buffer) => payload.subarray(4);
    return socket
      .query(writer.end().finish(), `listing table ${table}`)
      .map(({ payload }) => own(payload))
      .filter((payload) => isOf(payload, table));
  };
  const chains = dump(NFT.getChain, () => undefined);
  if (chains.length === 0) return { chains, rules: [], maps: [], elements: [] };
  return {
    chains,
    rules: dump(NFT.getRule, (writer) => writer.attributeString(1, table)),
    maps: dump(NFT.getSet, (writer) => writer.attributeString(1, table)),
    elements: maps.flatMap((map) =>
      dump(NFT.getElement, (writer) => writer.attributeString(1, table).attributeString(2, map)),
    ),
  };
}

/** Base chains at the forward hook, of any family and program, whose policy is to drop: `family table chain`. */
export function droppingForwardChains(socket: NetlinkSocket): string[] {
  const request = new MessageWriter()
    .begin((NFNL_SUBSYS_NFTABLES << 8) | NFT.getChain, NLM_F_REQUEST | NLM_F_DUMP)
    .u8(0)
    .u8(0)
    .u16(0)
    .end()
    .finish();
  return socket.query(request, "listing chains").flatMap(({ payload }) => {
    const attributes = parseAttributes(payload, 4);
    const hook = parseAttributes(attributes.get(4) ?? Buffer.alloc(0))
      .get(1)
      ?.readUInt32BE(0);
    const family = FAMILIES[payload.readUInt8(0)];
    if (hook !== HOOK_FORWARD || attributes.get(5)?.readUInt32BE(0) !== NF_DROP || family === undefined) return [];
    return [`${family} ${textOf(attributes.get(1))} ${textOf(attributes.get(3))}`];
  });
}

/** In chains, rules, sets and element lists alike attribute 1 is the table's name. */
function isOf(payload: Buffer, table: string): boolean {
  const name = parseAttributes(payload).get(1);
  return name !== undefined && name.toString("utf8", 0, name.length - 1) === table;
}
