import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { algorithmOf, type Digest, type DigestAlgorithm, hexOf, isDigest } from "../../formats/oci/digest.ts";
import { encodeIndex } from "../../formats/oci/manifest.ts";

const ALGORITHMS: DigestAlgorithm[] = ["sha256", "sha512"];

export const INGEST_DIRECTORY = "ingest";

export function blobDirectory(root: string, algorithm: DigestAlgorithm): string {
  return join(root, "blobs", algorithm);
}

export function blobPath(root: string, digest: Digest): string {
  return join(blobDirectory(root, algorithmOf(digest)), hexOf(digest));
}

const PARTIAL_PREFIX = "partial-";
/** A download that nobody went on with for so long is given up. */
const MAX_PARTIAL_AGE_MS = 7 * 24 * 3600 * 1000;

/** The file in which a download of this blob is gathered: found again by its name, also by the next daemon. */
export function partialPath(root: string, digest: Digest): string {
  return join(root, INGEST_DIRECTORY, `${PARTIAL_PREFIX}${digest.replace(":", "-")}`);
}

function isFreshPartial(name: string, path: string): boolean {
  if (!name.startsWith(PARTIAL_PREFIX) || !isDigest(name.slice(PARTIAL_PREFIX.length).replace("-", ":"))) return false;
  const status = lstatSync(path);
  // The clock of files is the wall clock.
  return status.isFile() && Date.now() - status.mtimeMs < MAX_PARTIAL_AGE_MS;
}

/** Makes what is missing of an OCI image layout, deletes what a crash left half written (but downloads that can go on), and returns the sizes of the blobs. */
export function openLayout(root: string): Map<Digest, number> {
  mkdirSync(root, { recursive: true, mode: 0o700 });
  mkdirSync(join(root, INGEST_DIRECTORY), { recursive: true, mode: 0o700 });
  for (const name of readdirSync(join(root, INGEST_DIRECTORY))) {
    const path = join(root, INGEST_DIRECTORY, name);
    if (!isFreshPartial(name, path)) rmSync(path, { recursive: true, force: true });
  }
  for (const algorithm of ALGORITHMS) mkdirSync(blobDirectory(root, algorithm), { recursive: true, mode: 0o700 });
  if (!existsSync(join(root, "oci-layout"))) {
    writeFileSync(join(root, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }), { mode: 0o644 });
  }
  if (!existsSync(join(root, "index.json"))) writeFileSync(join(root, "index.json"), encodeIndex([]), { mode: 0o644 });
  chmodSync(root, 0o700);
  const sizes = new Map<Digest, number>();
  for (const algorithm of ALGORITHMS) {
    for (const hex of readdirSync(blobDirectory(root, algorithm))) {
      const digest = `${algorithm}:${hex}`;
      if (isDigest(digest)) sizes.set(digest, statSync(blobPath(root, digest)).size);
    }
  }
  return sizes;
}
