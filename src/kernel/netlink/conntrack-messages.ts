import { type Message, parseAttributes } from "./message-reader.ts";
import { MessageWriter, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST } from "./message-writer.ts";

const NFNL_SUBSYS_CTNETLINK = 1;
const IPCTNL_MSG_CT_GET = 1;
const IPCTNL_MSG_CT_DELETE = 2;
const AF_INET = 2;
const IPPROTO_UDP = 17;

const CTA_TUPLE_ORIG = 1;
const CTA_TUPLE_REPLY = 2;
const CTA_ID = 12;
const CTA_FILTER = 25;
const CTA_TUPLE_IP = 1;
const CTA_TUPLE_PROTO = 2;
const CTA_PROTO_NUM = 1;
const CTA_PROTO_DST_PORT = 3;
const CTA_FILTER_ORIG_FLAGS = 1;
const FILTER_PROTO_NUM = 1 << 3;
const FILTER_PROTO_DST_PORT = 1 << 5;

/** A tracked flow; addresses are four bytes in network order. */
export interface Flow {
  from: Uint8Array;
  to: Uint8Array;
  /** Whom answers come from, and whom they go to: differ from `to` and `from` where the flow is translated. */
  answeredBy: Uint8Array;
  answeredTo: Uint8Array;
  /** Names the flow in a request to delete it. */
  original: Buffer;
  id: Buffer;
}

/** Flows of UDP over IPv4 that were opened to `port`. The kernel filters (Linux 5.8). */
export function dumpUdpFlows(port: number): Uint8Array {
  const writer = new MessageWriter();
  header(writer, IPCTNL_MSG_CT_GET, NLM_F_DUMP)
    .nest(CTA_TUPLE_ORIG, (tuple) =>
      tuple.nest(CTA_TUPLE_PROTO, (protocol) =>
        protocol.attributeU8(CTA_PROTO_NUM, IPPROTO_UDP).attribute(CTA_PROTO_DST_PORT, Uint8Array.of(port >> 8, port)),
      ),
    )
    .nest(CTA_FILTER, (filter) => filter.attributeU32(CTA_FILTER_ORIG_FLAGS, FILTER_PROTO_NUM | FILTER_PROTO_DST_PORT))
    .end();
  return writer.finish();
}

export function deleteFlow({ original, id }: Flow): Uint8Array {
  const writer = new MessageWriter();
  header(writer, IPCTNL_MSG_CT_DELETE, NLM_F_ACK).attribute(CTA_TUPLE_ORIG, original).attribute(CTA_ID, id).end();
  return writer.finish();
}

/** Undefined for anything that is not a whole IPv4 flow. */
export function parseFlow({ payload }: Message): Flow | undefined {
  const attributes = parseAttributes(payload, 4);
  const original = attributes.get(CTA_TUPLE_ORIG);
  const id = attributes.get(CTA_ID);
  const there = addressesOf(original);
  const back = addressesOf(attributes.get(CTA_TUPLE_REPLY));
  if (original === undefined || id === undefined || there === undefined || back === undefined) return undefined;
  return {
    from: there.source,
    to: there.destination,
    answeredBy: back.source,
    answeredTo: back.destination,
    original,
    id,
  };
}

function addressesOf(tuple: Buffer | undefined): { source: Buffer; destination: Buffer } | undefined {
  const ip = tuple === undefined ? undefined : parseAttributes(tuple).get(CTA_TUPLE_IP);
  if (ip === undefined) return undefined;
  const addresses = parseAttributes(ip);
  const source = addresses.get(1);
  const destination = addresses.get(2);
  return source === undefined || destination === undefined ? undefined : { source, destination };
}

function header(writer: MessageWriter, message: number, flags: number): MessageWriter {
  return writer
    .begin((NFNL_SUBSYS_CTNETLINK << 8) | message, NLM_F_REQUEST | flags)
    .u8(AF_INET)
    .u8(0)
    .u16(0);
}
