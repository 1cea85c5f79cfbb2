import { parseBool, parseBytes, parseDuration, parseInteger, parseNanoCpus } from "../../base/go-values.ts";

/** What a flag's value must look like, and what help calls it. Values are kept as text and read by `Parsed`. */
export interface FlagType {
  /** `string`, `list`, `bytes`: the word in help; "" for a bool. */
  label: string;
  /** May be given more than once. */
  repeated: boolean;
  /** Throws Error with the part after `invalid argument "x" for "--flag" flag: `. */
  check?: (text: string) => void;
}

const one = (label: string, check?: (text: string) => void): FlagType =>
  check === undefined ? { label, repeated: false } : { label, repeated: false, check };
const many = (label: string, check?: (text: string) => void): FlagType => ({ ...one(label, check), repeated: true });

export const BOOL = one("", parseBool);
export const STRING = one("string");
export const INT = one("int", (text) => parseInteger(text, { bits: 64, signed: true }));
export const UINT = one("uint", (text) => parseInteger(text, { bits: 64, signed: false }));
export const UINT16 = one("uint16", (text) => parseInteger(text, { bits: 16, signed: false }));
export const DURATION = one("duration", parseDuration);
export const BYTES = one("bytes", parseBytes);
export const SWAP_BYTES = one("bytes", (text) => void (text === "-1" || parseBytes(text)));
export const DECIMAL = one("decimal", parseNanoCpus);
export const LIST = many("list");

export function stringOf(label: string, check?: (text: string) => void): FlagType {
  return one(label, check);
}

export function listOf(label: string, check?: (text: string) => void): FlagType {
  return many(label, check);
}
