import { getXattrFd, listXattrsFd } from "../../kernel/xattr.ts";

/** Attributes that go along with a copy; a label of the host's does not. */
const COUNTED = /^(security\.capability$|user\.|system\.posix_acl_)/;
/** What a client's word is taken for: an ACL names users of its host. */
const FROM_CLIENTS = /^(security\.capability$|user\.)/;

/** Attributes of an open file as a text that is the same for the same ones; "": none that count. */
export function xattrsOf(fd: number): string {
  const names = listXattrsFd(fd).map((name) => name.toString("latin1"));
  if (names.length === 0) return "";
  return encode(names.filter((name) => COUNTED.test(name)).map((name) => [name, getXattrFd(fd, name)]));
}

/** The same of what a client says of a file. */
export function clientXattrs(xattrs: ReadonlyMap<string, Uint8Array>): string {
  if (xattrs.size === 0) return "";
  return encode([...xattrs].filter(([name]) => FROM_CLIENTS.test(name) && !name.includes("\0")));
}

/** Back to names and values. */
export function decodeXattrs(text: string): [name: string, value: Uint8Array][] {
  return text
    .split(" ")
    .filter(Boolean)
    .map((one) => {
      const [name = "", value = ""] = one.split("=");
      return [decodeURIComponent(name), Buffer.from(value, "hex")];
    });
}

function encode(attributes: [name: string, value: Uint8Array | undefined][]): string {
  return attributes
    .map(([name, value]) => `${encodeURIComponent(name)}=${Buffer.from(value ?? []).toString("hex")}`)
    .sort()
    .join(" ");
}
