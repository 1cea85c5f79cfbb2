import type { MessageWriter } from "../netlink/message-writer.ts";

/** Writes one expression of a rule. */
export type Expression = (writer: MessageWriter) => void;

const NFTA_LIST_ELEM = 1;
const NFTA_EXPR_NAME = 1;
const NFTA_EXPR_DATA = 2;
const NFTA_DATA_VALUE = 1;
const NFTA_DATA_VERDICT = 2;

const NFPROTO_IPV4 = 2;
const FIB_RESULT_ADDRESS_TYPE = 3;
const FIB_FLAG_DESTINATION = 2;
const RTN_LOCAL = 2;

/** The first 16-byte register, and the 32-bit ones that follow its first word: together they hold a concatenated key. */
export type Register = 1 | 9 | 10;

const META_KEYS = { iifname: 6, oifname: 7, nfproto: 15, l4proto: 16 } as const;
const CT_KEYS = { state: 0, status: 2 } as const;
const VERDICTS = { drop: 0, accept: 1, jump: -3, goto: -4, return: -5 } as const;

export const CT_STATE = { established: 2, related: 4 } as const;
/** IPS_DST_NAT */
export const CT_STATUS_DNAT = 0x20;

function expression(name: string, body: (writer: MessageWriter) => void): Expression {
  return (writer) =>
    void writer.nest(NFTA_LIST_ELEM, (element) =>
      element.attributeString(NFTA_EXPR_NAME, name).nest(NFTA_EXPR_DATA, body),
    );
}

export function loadMeta(key: keyof typeof META_KEYS, register: Register = 1): Expression {
  return expression("meta", (writer) => writer.attributeU32Be(2, META_KEYS[key]).attributeU32Be(1, register));
}

export function compare(operator: "==" | "!=", value: Uint8Array, register: Register = 1): Expression {
  return expression("cmp", (writer) =>
    writer
      .attributeU32Be(1, register)
      .attributeU32Be(2, operator === "==" ? 0 : 1)
      .nest(3, (data) => data.attribute(NFTA_DATA_VALUE, value)),
  );
}

export function mask(bits: Uint8Array): Expression {
  return expression("bitwise", (writer) =>
    writer
      .attributeU32Be(1, 1)
      .attributeU32Be(2, 1)
      .attributeU32Be(3, bits.length)
      .nest(4, (data) => data.attribute(NFTA_DATA_VALUE, bits))
      .nest(5, (data) => data.attribute(NFTA_DATA_VALUE, new Uint8Array(bits.length))),
  );
}

function loadPayload(base: number, offset: number, length: number, register: Register): Expression {
  return expression("payload", (writer) =>
    writer.attributeU32Be(1, register).attributeU32Be(2, base).attributeU32Be(3, offset).attributeU32Be(4, length),
  );
}

export function loadSource(register: Register = 1): Expression {
  return loadPayload(1, 12, 4, register);
}

export function loadDestination(register: Register = 1): Expression {
  return loadPayload(1, 16, 4, register);
}

/** The same two bytes in TCP, UDP and SCTP headers. */
export function loadDestinationPort(register: Register = 1): Expression {
  return loadPayload(2, 2, 2, register);
}

/** Looks the key up; with `mapped`, the value replaces the key, else a miss ends the rule. */
export function lookup(set: string, options: { mapped: boolean }): Expression {
  return expression("lookup", (writer) => {
    writer.attributeU32Be(2, 1);
    if (options.mapped) writer.attributeU32Be(3, 1);
    writer.attributeString(1, set);
  });
}

export function verdict(name: keyof typeof VERDICTS, chain?: string): Expression {
  return expression("immediate", (writer) =>
    writer.attributeU32Be(1, 0).nest(2, (data) =>
      data.nest(NFTA_DATA_VERDICT, (body) => {
        body.attributeU32Be(1, VERDICTS[name]);
        if (chain !== undefined) body.attributeString(2, chain);
      }),
    ),
  );
}

/** Destination address from the first register, port from the one after it. */
export function dnat(): Expression {
  return expression("nat", (writer) =>
    writer.attributeU32Be(1, 1).attributeU32Be(2, NFPROTO_IPV4).attributeU32Be(3, 1).attributeU32Be(5, 9),
  );
}

export function masquerade(): Expression {
  return expression("masq", () => undefined);
}

export const isIpv4: Expression[] = [loadMeta("nfproto"), compare("==", Uint8Array.of(NFPROTO_IPV4))];

/** The destination is an address of this host. */
export const destinationIsLocal: Expression[] = [
  expression("fib", (writer) =>
    writer.attributeU32Be(1, 1).attributeU32Be(2, FIB_RESULT_ADDRESS_TYPE).attributeU32Be(3, FIB_FLAG_DESTINATION),
  ),
  compare("==", u32(RTN_LOCAL)),
];

export function interfaceIs(direction: "iifname" | "oifname", operator: "==" | "!=", name: string): Expression[] {
  const padded = new Uint8Array(16);
  padded.set(Buffer.from(name));
  return [loadMeta(direction), compare(operator, padded)];
}

/** `network` and `bits` are four bytes in network order. */
export function addressIn(
  side: "source" | "destination",
  operator: "==" | "!=",
  { network, bits }: { network: Uint8Array; bits: Uint8Array },
): Expression[] {
  return [side === "source" ? loadSource() : loadDestination(), mask(bits), compare(operator, network)];
}

/** Any of the bits is set in the connection's state or status. */
export function connectionHas(key: keyof typeof CT_KEYS, bits: number): Expression[] {
  const load = expression("ct", (writer) => writer.attributeU32Be(1, 1).attributeU32Be(2, CT_KEYS[key]));
  return [load, mask(u32(bits)), compare("!=", u32(0))];
}

function u32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
