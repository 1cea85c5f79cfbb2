import type { RunFilesJob } from "../files/run-files-job.ts";
import type { FileSource } from "../results.ts";
import { decodeEntries } from "./manifest.ts";

/** Table of contents of a directory that is complete, with the digest of every file: read by a worker. */
export async function scanFiles(
  run: RunFilesJob,
  directory: string,
  origin: FileSource["origin"],
  signal: AbortSignal,
): Promise<FileSource> {
  const reply = await run({ kind: "scan", directory }, signal);
  const decoded = "manifest" in reply ? decodeEntries(reply.manifest) : undefined;
  if (decoded === undefined) throw new Error("no table of contents");
  return { directory, entries: decoded.entries, origin };
}
