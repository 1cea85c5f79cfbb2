import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { FilesResult, SourceEntry } from "../../src/builder/results.ts";

/** A directory as a context would give it. */
export function filesOf(directory: string): FilesResult {
  return { kind: "files", source: { directory, entries: entriesOf(directory, ""), origin: undefined } };
}

function entriesOf(directory: string, prefix: string): SourceEntry[] {
  return readdirSync(`${directory}/${prefix}`)
    .sort()
    .flatMap((name) => {
      const path = `${prefix}${name}`;
      const found = lstatSync(`${directory}/${path}`, { bigint: true });
      const type = found.isDirectory() ? "directory" : found.isSymbolicLink() ? "symlink" : "file";
      const content = type === "file" ? readFileSync(`${directory}/${path}`) : undefined;
      const entry: SourceEntry = {
        path,
        type,
        mode: Number(found.mode) & 0o7777,
        uid: Number(found.uid),
        gid: Number(found.gid),
        sizeBytes: content?.length ?? 0,
        modifiedNs: found.mtimeNs,
        linkName: type === "symlink" ? readlinkSync(`${directory}/${path}`) : "",
        hardlinkTo: undefined,
        digest: content === undefined ? "" : `sha256:${createHash("sha256").update(content).digest("hex")}`,
        deviceMajor: 0,
        deviceMinor: 0,
      };
      return [entry, ...(type === "directory" ? entriesOf(directory, `${path}/`) : [])];
    });
}
