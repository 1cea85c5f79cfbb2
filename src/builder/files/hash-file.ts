import { readFull } from "../../kernel/files.ts";

/** `sha256:…` of what an open file has from here on. `buffer`: anything; `check` throws when the work is given up. */
export function hashFile(fd: number, buffer: Uint8Array, check: () => void): string {
  const hasher = new Bun.CryptoHasher("sha256");
  for (let length = buffer.length; length === buffer.length; ) {
    length = readFull(fd, buffer);
    hasher.update(buffer.subarray(0, length));
    check();
  }
  return `sha256:${hasher.digest("hex")}`;
}
