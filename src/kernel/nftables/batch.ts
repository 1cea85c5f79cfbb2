import { MessageWriter, NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_REQUEST } from "../netlink/message-writer.ts";
import type { Expression } from "./expressions.ts";

export const NFNL_SUBSYS_NFTABLES = 10;
export const NFPROTO_INET = 1;
const NFNL_MSG_BATCH_BEGIN = 0x10;
const NFNL_MSG_BATCH_END = 0x11;

export const NFT = {
  newTable: 0,
  getTable: 1,
  deleteTable: 2,
  newChain: 3,
  getChain: 4,
  newRule: 6,
  getRule: 7,
  newSet: 9,
  getSet: 10,
  newElement: 12,
  getElement: 13,
  deleteElement: 14,
  newGeneration: 15,
  getGeneration: 16,
} as const;

const NFT_SET_MAP = 8;
const NFTA_LIST_ELEM = 1;
const NFTA_DATA_VALUE = 1;
/** Of one message: a nested attribute holds 64 KiB, an element below 100 bytes. */
const MAX_ELEMENTS_PER_MESSAGE = 400;

/** Numbers of nft's own data types: what `nft list` prints a key as. */
export const DATA_TYPES = { ipv4_addr: 7, inet_proto: 12, inet_service: 13 } as const;
export type DataType = keyof typeof DATA_TYPES;

export interface BaseChain {
  type: "filter" | "nat";
  hook: "prerouting" | "input" | "forward" | "output" | "postrouting";
  priority: number;
}

const HOOKS = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const;
const NF_ACCEPT = 1;

export interface Element {
  /** Fields one after the other, each padded to four bytes. */
  key: Uint8Array;
  data: Uint8Array;
}

/**
 * One atomic change of one `inet` table: the kernel applies all of it or nothing. The writer fills it in order; `finish` seals it.
 * Every object asks for its acknowledgement, so that a refusal names what was refused.
 */
export class NftBatch {
  readonly #table: string;
  readonly #writer = new MessageWriter();

  constructor(table: string) {
    this.#table = table;
    this.#header(NFNL_MSG_BATCH_BEGIN, NLM_F_REQUEST, 0, NFNL_SUBSYS_NFTABLES).end();
  }

  /** Existing or not: afterwards the table is there, empty. */
  resetTable(): this {
    this.#object(NFT.newTable, NLM_F_CREATE).attributeString(1, this.#table).end();
    this.#object(NFT.deleteTable, 0).attributeString(1, this.#table).end();
    this.#object(NFT.newTable, NLM_F_CREATE).attributeString(1, this.#table).end();
    return this;
  }

  /** Existing or not: afterwards it is gone. */
  removeTable(): this {
    this.#object(NFT.newTable, NLM_F_CREATE).attributeString(1, this.#table).end();
    this.#object(NFT.deleteTable, 0).attributeString(1, this.#table).end();
    return this;
  }

  chain(name: string, base?: BaseChain): this {
    const writer = this.#object(NFT.newChain, NLM_F_CREATE).attributeString(1, this.#table).attributeString(3, name);
    if (base !== undefined)
      writer
        .nest(4, (hook) => hook.attributeU32Be(1, HOOKS[base.hook]).attributeU32Be(2, base.priority))
        .attributeU32Be(5, NF_ACCEPT)
        .attributeString(7, base.type);
    writer.end();
    return this;
  }

  rule(chain: string, expressions: Expression[]): this {
    this.#object(NFT.newRule, NLM_F_CREATE | NLM_F_APPEND)
      .attributeString(1, this.#table)
      .attributeString(2, chain)
      .nest(4, (list) => {
        for (const expression of expressions) expression(list);
      })
      .end();
    return this;
  }

  /** A hash map from one concatenation of fields to another. `id` tells the new sets of a batch apart. */
  map(name: string, key: DataType[], data: DataType[], id: number): this {
    this.#object(NFT.newSet, NLM_F_CREATE)
      .attributeString(1, this.#table)
      .attributeString(2, name)
      .attributeU32Be(3, NFT_SET_MAP)
      .attributeU32Be(4, concatenated(key))
      .attributeU32Be(5, key.length * 4)
      .attributeU32Be(6, concatenated(data))
      .attributeU32Be(7, data.length * 4)
      .attributeU32Be(10, id)
      .end();
    return this;
  }

  addElements(map: string, elements: Element[]): this {
    return this.#elements(NFT.newElement, NLM_F_CREATE, map, elements);
  }

  /** Fails as a whole with ENOENT when one is missing. */
  removeElements(map: string, elements: Element[]): this {
    return this.#elements(NFT.deleteElement, 0, map, elements);
  }

  finish(): Uint8Array {
    this.#header(NFNL_MSG_BATCH_END, NLM_F_REQUEST, 0, NFNL_SUBSYS_NFTABLES).end();
    return this.#writer.finish();
  }

  #elements(message: number, flags: number, map: string, elements: Element[]): this {
    for (let first = 0; first < elements.length; first += MAX_ELEMENTS_PER_MESSAGE)
      this.#object(message, flags)
        .attributeString(1, this.#table)
        .attributeString(2, map)
        .nest(3, (list) => {
          for (const { key, data } of elements.slice(first, first + MAX_ELEMENTS_PER_MESSAGE))
            list.nest(NFTA_LIST_ELEM, (element) => {
              element.nest(1, (value) => value.attribute(NFTA_DATA_VALUE, key));
              element.nest(2, (value) => value.attribute(NFTA_DATA_VALUE, data));
            });
        })
        .end();
    return this;
  }

  #object(message: number, flags: number): MessageWriter {
    return this.#header((NFNL_SUBSYS_NFTABLES << 8) | message, NLM_F_REQUEST | NLM_F_ACK | flags, NFPROTO_INET, 0);
  }

  /** nlmsghdr and struct nfgenmsg. */
  #header(type: number, flags: number, family: number, resource: number): MessageWriter {
    return this.#writer.begin(type, flags).u8(family).u8(0).u16Be(resource);
  }
}

/** nft's number of a concatenated type: six bits a field. */
function concatenated(types: DataType[]): number {
  return types.reduce((number, type) => (number << 6) | DATA_TYPES[type], 0);
}
