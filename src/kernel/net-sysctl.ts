import { readFileSync, writeFileSync } from "node:fs";

/** A key below /proc/sys/net, with slashes, as the calling thread's network namespace shows it. Throws when there is none. */
export function readNetSysctl(key: string): string {
  return readFileSync(`/proc/sys/net/${key}`, "utf8").trim();
}

/** Writes only what differs. Throws the file system's error. */
export function writeNetSysctl(key: string, value: string): void {
  if (readNetSysctl(key) !== value) writeFileSync(`/proc/sys/net/${key}`, value);
}
