import { invalid } from "../base/errors.ts";

/** Six bytes from `02:42:ac:11:00:02` or with dashes. Throws invalid-argument in Docker's words. */
export function parseMac(text: string): Uint8Array {
  const normal = text.replaceAll("-", ":");
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(normal)) throw invalid(`${text} is not a valid mac address`);
  return Uint8Array.from(normal.split(":").map((byte) => Number.parseInt(byte, 16)));
}

export function formatMac(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}
