import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { EngineError } from "../../base/errors.ts";

/** Where clouds tell a machine's secrets besides 169.254/16. @see AWS "instance metadata service", Alibaba "instance metadata" */
const METADATA = new Set(["fd00:ec2::254", "100.100.100.200"]);

/** A server on the link of the host itself: what answers there (a cloud's metadata) speaks to this machine only. */
export function isLinkLocal(address: string): boolean {
  const plain = address.replace(/^\[|\]$/g, "").toLowerCase();
  const mapped = /^(?:0*:)*:?ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(plain)?.[1] ?? mappedHex(plain);
  if (mapped !== undefined) return isLinkLocal(mapped);
  return plain.startsWith("169.254.") || /^fe[89ab][0-9a-f]:/.test(plain) || METADATA.has(plain);
}

/** `::ffff:a9fe:a9fe`, as URLs write a mapped address. */
function mappedHex(address: string): string | undefined {
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(address) ?? [];
  if (high === undefined || low === undefined) return undefined;
  const [left, right] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return `${left >> 8}.${left & 255}.${right >> 8}.${right & 255}`;
}

/** Throws forbidden for a server that a build must not be led to. One whose name has no address is the caller's to find out. */
export async function refuseLinkLocal(url: URL): Promise<void> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const addresses = isIP(host) === 0 ? await addressesOf(host) : [host];
  if (addresses.some(isLinkLocal)) throw new EngineError("forbidden", `${url.host} is a link-local address: refused`);
}

async function addressesOf(host: string): Promise<string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch {
    return [];
  }
}
