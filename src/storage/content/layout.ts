import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { algorithmOf, type Digest, type DigestAlgorithm, hexOf, isDigest } from "../../formats/oci/digest.ts";
import { encodeIndex } from "../../formats/oci/manifest.ts";
import { isFreshPartial } from "./partials.ts";

export const ALGORITHMS: DigestAlgorithm[] = ["sha256", "sha512"];

export const INGEST_DIRECTORY = "ingest";
export const TRASH_DIRECTORY = "trash";

export function blobDirectory(root: string, algorithm: DigestAlgorithm): string {
  return join(root, "blobs", algorithm);
}

export function blobPath(root: string, digest: Digest): string {
  return join(blobDirectory(root, algorithmOf(digest)), hexOf(digest));
}

/** Makes what is missing of an OCI image layout, deletes what a crash left half written (but downloads that can go on), and returns the sizes of the blobs. */
export function openLayout(root: string): Map<Digest, number> {
  mkdirSync(root, { recursive: true, mode: 0o700 });
  for (const name of [INGEST_DIRECTORY, TRASH_DIRECTORY]) mkdirSync(join(root, name), { recursive: true, mode: 0o700 });
  for (const name of leftovers(root)) rmSync(join(root, name), { recursive: true, force: true });
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

/** What nobody goes on with: half-written blobs other than downloads, blobs that were being deleted. */
function leftovers(root: string): string[] {
  const below = (directory: string) => readdirSync(join(root, directory)).map((name) => join(directory, name));
  return [...below(INGEST_DIRECTORY).filter((path) => !isFreshPartial(join(root, path))), ...below(TRASH_DIRECTORY)];
}
