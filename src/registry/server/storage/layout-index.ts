import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeDescriptor } from "../../../formats/oci/descriptor.ts";
import { MEDIA_TYPES } from "../../../formats/oci/media-types.ts";
import { listRepositories } from "./catalog.ts";
import { isErrno, makeDirectory, syncDirectory, writeDurably } from "./files.ts";
import { ALGORITHMS, type Layout } from "./layout.ts";
import type { Manifests } from "./manifests.ts";
import type { Tags } from "./tags.ts";

/** @see OCI image-spec annotations.md */
const REF_NAME = "org.opencontainers.image.ref.name";

/** Makes what is missing of an OCI image layout, and our folders in it. */
export async function prepareLayout(layout: Layout): Promise<void> {
  const folders = [layout.temporary, layout.repositories, ...ALGORITHMS.map((algorithm) => layout.blobs(algorithm))];
  for (const folder of folders) await makeDirectory(folder);
  await writeOnce(join(layout.root, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  await writeOnce(join(layout.root, "index.json"), JSON.stringify(indexOf([])));
  await syncDirectory(layout.root);
}

/** Two servers may start on one empty directory. */
async function writeOnce(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: "wx", mode: 0o644, flush: true });
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
  }
}

/** Rewrites index.json, by which other programs (skopeo's `oci:`) find every tag as `repository:tag`. */
export async function writeLayoutIndex(deps: { layout: Layout; tags: Tags; manifests: Manifests }): Promise<void> {
  const { layout, tags, manifests } = deps;
  const entries = [];
  for (const repository of await listRepositories(layout)) {
    for (const tag of await tags.list(repository)) {
      const digest = tags.get(repository, tag);
      const manifest = digest === undefined ? undefined : manifests.get(repository, digest);
      if (manifest === undefined) continue;
      const { mediaType, bytes } = manifest;
      const annotations = { [REF_NAME]: `${repository}:${tag}` };
      entries.push(encodeDescriptor({ mediaType, digest: manifest.digest, sizeBytes: bytes.length, annotations }));
    }
  }
  const text = JSON.stringify(indexOf(entries));
  await writeDurably(layout.temporary, join(layout.root, "index.json"), Buffer.from(text));
}

function indexOf(manifests: unknown[]) {
  return { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests };
}
