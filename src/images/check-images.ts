import { messageOf } from "../base/errors.ts";
import { chainIds } from "../formats/oci/chain-id.ts";
import { MAX_CONFIG_BYTES, parseImageConfig } from "../formats/oci/config.ts";
import type { Digest } from "../formats/oci/digest.ts";
import { MAX_MANIFEST_BYTES, parseManifestDocument } from "../formats/oci/manifest.ts";
import type { Content } from "../storage/content/content.ts";
import type { ImageRow } from "../storage/records/images.ts";
import type { Snapshots } from "../storage/snapshots/snapshots.ts";
import { blobsOf } from "./collect.ts";
import type { Library } from "./library.ts";

export interface ImageFault {
  row: ImageRow;
  /** A sentence without its object. */
  fault: string;
  /** Only unpacked layers are missing: their blobs are here. */
  isMendable: boolean;
}

export interface ImageCheckDeps {
  library: Library;
  content: Pick<Content, "has" | "read">;
  snapshots: Pick<Snapshots, "has" | "isSealed">;
}

/** Whether config, manifest, blobs and layers of every image are there and say the same as its record. */
export async function checkImages(deps: ImageCheckDeps): Promise<ImageFault[]> {
  const { library } = deps;
  const rows = [...library.entries().map(({ row }) => row), ...library.damaged()];
  const faults: ImageFault[] = [];
  for (const row of rows) {
    const found = await faultsOf(deps, row);
    if (found.length === 0) continue;
    // It may have been removed, and loaded again, while it was looked at.
    const again = await faultsOf(deps, row);
    const isThere = library.get(row.id) !== undefined || library.damaged().includes(row);
    if (isThere) faults.push(...found.filter(({ fault }) => again.some((other) => other.fault === fault)));
  }
  return faults;
}

/** Blobs of an image that should be here. Archives of layers that were made here are made when they are wanted. */
export function missingBlobs(
  row: ImageRow,
  { content, snapshots }: Pick<ImageCheckDeps, "snapshots"> & { content: Pick<Content, "has"> },
): Digest[] {
  const chain = chainIds(row.layers.map(({ diffId }) => diffId));
  const unmade = new Set(
    row.layers.filter((_, at) => snapshots.isSealed(chain[at] as string)).map(({ digest }) => digest),
  );
  return [...new Set(blobsOf(row))].filter((digest) => !content.has(digest) && !unmade.has(digest));
}

async function faultsOf({ content, snapshots }: ImageCheckDeps, row: ImageRow): Promise<ImageFault[]> {
  const chain = chainIds(row.layers.map(({ diffId }) => diffId));
  const missing = missingBlobs(row, { content, snapshots });
  const broken = [
    ...missing.map((digest) => `its blob ${digest} is missing`),
    ...(missing.includes(row.id) ? [] : await faults(() => checkConfig(content, row))),
    ...(missing.includes(row.manifestDigest) ? [] : await faults(() => checkManifest(content, row))),
  ];
  const unpacked = chain.filter((chainId) => !snapshots.has(chainId));
  return [
    ...broken.map((fault) => ({ row, fault, isMendable: false })),
    ...unpacked.map((chainId) => ({ row, fault: `its layer ${chainId} is missing`, isMendable: broken.length === 0 })),
  ];
}

async function faults(check: () => Promise<string | undefined>): Promise<string[]> {
  try {
    const fault = await check();
    return fault === undefined ? [] : [fault];
  } catch (error) {
    return [messageOf(error)];
  }
}

async function checkConfig(content: ImageCheckDeps["content"], { id, layers }: ImageRow): Promise<string | undefined> {
  const { config } = parseImageConfig(await content.read(id, MAX_CONFIG_BYTES));
  const same =
    config.diffIds.length === layers.length && layers.every(({ diffId }, at) => diffId === config.diffIds[at]);
  return same ? undefined : "its record has other layers than its config";
}

async function checkManifest(
  content: ImageCheckDeps["content"],
  { id, manifestDigest, layers }: ImageRow,
): Promise<string | undefined> {
  const manifest = parseManifestDocument(await content.read(manifestDigest, MAX_MANIFEST_BYTES));
  if (manifest.kind !== "manifest") return "its manifest is an index";
  if (manifest.config.digest !== id) return "its manifest is of another image";
  const same =
    manifest.layers.length === layers.length &&
    layers.every(({ digest, sizeBytes }, at) => {
      const other = manifest.layers[at];
      return other?.digest === digest && other.sizeBytes === sizeBytes;
    });
  return same ? undefined : "its record has other layers than its manifest";
}
