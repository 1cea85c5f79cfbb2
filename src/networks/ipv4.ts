import { invalid } from "../base/errors.ts";

/** An IPv4 address as an unsigned 32-bit number. */
export type Ipv4 = number;

export interface Subnet {
  network: Ipv4;
  prefixLength: number;
}

/** Dotted quad without leading zeros; undefined for anything else. */
export function parseIpv4(text: string): Ipv4 | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let address = 0;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    address = address * 256 + Number(part);
  }
  return address;
}

export function formatIpv4(address: Ipv4): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join(".");
}

/** Four bytes in network order. */
export function ipv4Bytes(address: Ipv4): Uint8Array {
  return Uint8Array.of(address >>> 24, address >>> 16, address >>> 8, address);
}

export function ipv4FromBytes(bytes: Uint8Array): Ipv4 {
  return bytes.reduce((address, byte) => address * 256 + byte, 0);
}

/** `10.1.2.3/16` as its address and its subnet. Throws invalid-argument in Go's words. */
export function parseCidr(text: string): { address: Ipv4; subnet: Subnet } {
  const [host = "", length, ...rest] = text.split("/");
  const address = parseIpv4(host);
  if (address === undefined || length === undefined || rest.length > 0 || !/^\d{1,2}$/.test(length) || +length > 32)
    throw invalid(`invalid CIDR address: ${text}`);
  return { address, subnet: subnetOf(address, Number(length)) };
}

export function subnetOf(address: Ipv4, prefixLength: number): Subnet {
  return { network: (address & netmask(prefixLength)) >>> 0, prefixLength };
}

export function netmask(prefixLength: number): number {
  return prefixLength === 0 ? 0 : (0xffffffff << (32 - prefixLength)) >>> 0;
}

export function broadcastOf({ network, prefixLength }: Subnet): Ipv4 {
  return (network | ~netmask(prefixLength)) >>> 0;
}

export function contains(subnet: Subnet, address: Ipv4): boolean {
  return (address & netmask(subnet.prefixLength)) >>> 0 === subnet.network;
}

export function overlaps(a: Subnet, b: Subnet): boolean {
  return contains(a, b.network) || contains(b, a.network);
}

export function formatSubnet({ network, prefixLength }: Subnet): string {
  return `${formatIpv4(network)}/${prefixLength}`;
}
