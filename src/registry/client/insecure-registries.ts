import { isIP } from "node:net";
import { invalid } from "../../base/errors.ts";
import { hostnameOf, isLoopback } from "./endpoint.ts";

interface Cidr {
  bytes: number[];
  bits: number;
}

/** What `--insecure-registry` names: hosts with or without a port, and networks. */
export interface InsecureRegistries {
  /** `addresses`: what the host's name resolves to, asked for only where a network was named. */
  includes(host: string, addresses: () => Promise<string[]>): Promise<boolean>;
}

/** Throws invalid-argument for an entry that is none. */
export function parseInsecureRegistries(entries: readonly string[]): InsecureRegistries {
  const names = new Set<string>();
  const networks: Cidr[] = [];
  for (const entry of entries) {
    const network = parseCidr(entry);
    if (network !== undefined) networks.push(network);
    else if (/^[a-zA-Z0-9.\-_[\]:]+$/.test(entry)) names.add(entry);
    else throw invalid(`insecure registry ${JSON.stringify(entry)} is not valid: name a host, host:port or network`);
  }
  return {
    async includes(host, addresses) {
      const hostname = hostnameOf(host);
      if (isLoopback(hostname) || names.has(host) || names.has(hostname)) return true;
      if (networks.length === 0) return false;
      const found = isIP(hostname) === 0 ? await addresses() : [hostname];
      return found.some((address) => networks.some((network) => contains(network, address)));
    },
  };
}

function parseCidr(text: string): Cidr | undefined {
  const [address = "", bits, ...more] = text.split("/");
  if (bits === undefined || more.length > 0 || !/^\d{1,3}$/.test(bits)) return undefined;
  const bytes = addressBytes(address);
  if (bytes === undefined || Number(bits) > bytes.length * 8) return undefined;
  return { bytes, bits: Number(bits) };
}

function contains({ bytes, bits }: Cidr, address: string): boolean {
  const other = addressBytes(address);
  if (other === undefined || other.length !== bytes.length) return false;
  for (let bit = 0; bit < bits; bit += 8) {
    const mask = bits - bit >= 8 ? 0xff : (0xff << (8 - (bits - bit))) & 0xff;
    if (((bytes[bit / 8] ?? 0) & mask) !== ((other[bit / 8] ?? 0) & mask)) return false;
  }
  return true;
}

/** 4 or 16 numbers; an IPv4 address within IPv6 is an IPv4 address. */
function addressBytes(address: string): number[] | undefined {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
  if (isIP(plain) === 4) return plain.split(".").map(Number);
  if (isIP(plain) !== 6) return undefined;
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(plain);
  const hex = (high = "0", low = "0") => ((Number(high) << 8) | Number(low)).toString(16);
  const text = dotted === null ? plain : `${dotted[1]}${hex(dotted[2], dotted[3])}:${hex(dotted[4], dotted[5])}`;
  const [head = "", tail] = text.split("::");
  const words = (part: string | undefined) => (part === undefined || part === "" ? [] : part.split(":"));
  const [left, right] = [words(head), words(tail)];
  const middle = tail === undefined ? [] : "0".repeat(8 - left.length - right.length).split("");
  return [...left, ...middle, ...right].flatMap((word) => {
    const value = Number.parseInt(word, 16);
    return [value >> 8, value & 0xff];
  });
}
