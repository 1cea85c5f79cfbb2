import type { Digest } from "../../formats/oci/digest.ts";
import type { Platform } from "../../formats/oci/platform.ts";
import { encodeEnd, encodeEntry, encodePadding, packFile } from "../../formats/tar/packer.ts";
import type { Blob, Content } from "../../storage/content/content.ts";
import { blobsOf } from "../collect.ts";
import type { Library } from "../library.ts";
import { blobName } from "../load/resolve.ts";
import type { ImageStore } from "../store.ts";
import { blobBytes } from "./blob-bytes.ts";
import { archiveDocuments } from "./documents.ts";
import { type SavedName, selectSaved } from "./select.ts";

export interface SaveDeps {
  content: Content;
  library: Library;
  store: ImageStore;
}

/** Fixed, so that saving the same images twice gives the same archive. */
const EPOCH = { seconds: 0n, nanoseconds: 0 };

/**
 * A Docker archive that is an OCI layout too, as Docker 25 and later write. Names of several platforms are saved with their index
 * as it is, and those of its images that are here. Blobs are held until the stream ends, or `signal` ends what was never read.
 */
export async function saveArchive(
  { content, library, store }: SaveDeps,
  names: string[],
  { platforms, signal }: { platforms: Platform[] | undefined; signal: AbortSignal },
): Promise<AsyncIterable<Uint8Array>> {
  const saved = selectSaved(library, names, platforms);
  const digests = [...new Set(saved.flatMap((name) => digestsOf(library, name)))];
  const release = store.leases.hold(digests);
  signal.addEventListener("abort", release, { once: true });
  try {
    for (const { row } of saved.flatMap(({ entries }) => entries)) await store.materialize(row.layers, signal);
    const blobs = digests.map((digest) => blobOf(content, digest));
    return stream(blobs, { documents: await archiveDocuments(content, saved), signal, release });
  } catch (error) {
    release();
    throw error;
  }
}

/** Layers first: whoever reads the archive can unpack them while the rest arrives. */
function digestsOf(library: Library, { entries, index }: SavedName): Digest[] {
  const layers = entries.flatMap(({ row }) => row.layers.map(({ digest }) => digest));
  const documents = entries.flatMap(({ row }) => blobsOf({ ...row, layers: [] }));
  if (index === undefined) return [...layers, ...documents];
  const attachments = library.attachmentsIn(index).flatMap(({ manifest, blobs }) => [...blobs, manifest]);
  return [...layers, ...documents, ...attachments, ...library.indexesIn(index)];
}

function blobOf(content: Content, digest: Digest): Blob {
  const blob = content.stat(digest);
  if (blob === undefined) throw new Error(`content ${digest} is missing`);
  return blob;
}

async function* stream(
  blobs: Blob[],
  { documents, signal, release }: { documents: Record<string, Uint8Array>; signal: AbortSignal; release: () => void },
): AsyncGenerator<Uint8Array> {
  try {
    for (const name of ["blobs/", ...new Set(blobs.map(({ digest }) => `blobs/${digest.split(":")[0]}/`))]) {
      yield encodeEntry({ type: "directory", name, mode: 0o755, sizeBytes: 0, modifiedAt: EPOCH });
    }
    for (const blob of blobs) {
      yield encodeEntry({
        type: "file",
        name: blobName(blob.digest),
        mode: 0o644,
        sizeBytes: blob.sizeBytes,
        modifiedAt: EPOCH,
      });
      yield* blobBytes(blob, signal);
      yield encodePadding(blob.sizeBytes);
    }
    for (const [name, bytes] of Object.entries(documents))
      yield packFile({ name, mode: 0o644, modifiedAt: EPOCH }, bytes);
    yield encodeEnd();
  } finally {
    release();
  }
}
