import { isIP } from "../container/ip-address.ts";

/** A network or, with all bits, one address. `bits` counts from the left of `width`. */
export interface Prefix {
  value: bigint;
  bits: number;
  width: 32 | 128;
}

/** `10.0.0.0/8`, `10.0.0.1`, `fd00::/64`. undefined when it is none of them. Pure. */
export function parsePrefix(text: string): Prefix | undefined {
  const [address = "", length] = text.split("/");
  const version = isIP(address);
  if (version === 0) return undefined;
  const width = version === 4 ? 32 : 128;
  const bits = length === undefined ? width : Number(length);
  if (!Number.isInteger(bits) || bits < 0 || bits > width || length === "") return undefined;
  return { value: version === 4 ? ipv4Value(address) : ipv6Value(address), bits, width };
}

/** Whether all of `inner` lies within `outer`. */
export function prefixContains(outer: Prefix, inner: Prefix): boolean {
  if (outer.width !== inner.width || inner.bits < outer.bits) return false;
  const shift = BigInt(outer.width - outer.bits);
  return outer.value >> shift === inner.value >> shift;
}

function ipv4Value(address: string): bigint {
  return address.split(".").reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}

function ipv6Value(address: string): bigint {
  const plain = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (dotted) => {
    const value = ipv4Value(dotted);
    return `${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
  });
  const groups = (text: string) => (text === "" ? [] : text.split(":"));
  const [left = "", right] = plain.split("::");
  const [head, tail] = [groups(left), groups(right ?? "")];
  const middle = right === undefined ? [] : zeros(8 - head.length - tail.length);
  return [...head, ...middle, ...tail].reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n);
}

function zeros(count: number): string[] {
  return Array.from({ length: Math.max(0, count) }, () => "0");
}
