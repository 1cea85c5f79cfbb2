import type { FileStatus } from "../../kernel/files.ts";

/** What a name in a tree is. */
export type EntryType = "file" | "directory" | "symlink" | "fifo" | "character" | "block";

/** What a name's status says of it, for tables of contents; links, contents and attributes are left to who looks for them. */
export function entryFields<T extends EntryType>(path: string, type: T, status: FileStatus) {
  const isDevice = type === "character" || type === "block";
  return {
    path,
    type,
    mode: status.mode & 0o7777,
    uid: status.uid,
    gid: status.gid,
    sizeBytes: type === "file" ? status.sizeBytes : 0,
    modifiedNs: status.modifiedSeconds * 1_000_000_000n + BigInt(status.modifiedNanoseconds),
    linkName: "",
    deviceMajor: isDevice ? status.deviceMajor : 0,
    deviceMinor: isDevice ? status.deviceMinor : 0,
  };
}
