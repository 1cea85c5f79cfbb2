import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { type Digest, isDigest } from "../../formats/oci/digest.ts";
import type { Stray } from "../stray.ts";
import { ALGORITHMS, blobDirectory, INGEST_DIRECTORY } from "./layout.ts";
import { isPartialName } from "./partials.ts";

/**
 * What lies in the content directory and is neither a blob that is known, nor being written, nor a partial download. In one turn:
 * nothing is in between. Pure but for reading directories.
 */
export function auditContent(
  root: string,
  known: { has(digest: Digest): boolean; busy: ReadonlySet<string> },
): Stray[] {
  const below = (directory: string) => readdirSync(directory).map((name) => join(directory, name));
  const blobs = ALGORITHMS.flatMap((algorithm) =>
    below(blobDirectory(root, algorithm)).filter((path) => {
      const digest = `${algorithm}:${basename(path)}`;
      return !known.busy.has(path) && !(isDigest(digest) && known.has(digest));
    }),
  );
  const ingests = below(join(root, INGEST_DIRECTORY)).filter(
    (path) => !known.busy.has(path) && !isPartialName(basename(path)),
  );
  return [
    ...blobs.map((path) => ({ path, fault: "is no blob that the store knows" })),
    ...ingests.map((path) => ({ path, fault: "is a blob that nobody writes any more" })),
  ];
}
