import type { Containers } from "../../containers/containers.ts";
import { checkImages } from "../../images/check-images.ts";
import type { ImagesService } from "../../images/create-images.ts";
import type { LeaseWatch } from "../../images/leases.ts";
import type { Content } from "../../storage/content/content.ts";
import { type BlobFault, verifyBlobs } from "../../storage/content/verify/verify.ts";
import type { Snapshots } from "../../storage/snapshots/snapshots.ts";
import type { Volumes } from "../../volumes/volumes.ts";
import { describeFindings, type Findings, type Problem } from "./findings.ts";
import { repairStore } from "./repair.ts";
import { findStrays } from "./strays.ts";

/** How often, and how long apart, a collection that is under way is waited for. */
const MAX_LOOKS = 10;
const LOOK_MS = 100;

export interface CheckDeps {
  dataRoot: string;
  images: Pick<ImagesService, "library" | "store">;
  content: Content;
  snapshots: Snapshots;
  volumes: Pick<Volumes, "list">;
  containers: Pick<Containers, "list">;
  usedBy: (imageId: string) => { id: string }[];
  records: {
    /** Faults of the databases, as sentences. */
    check(): string[];
  };
}

export interface CheckOptions {
  repair: boolean;
  /** Bytes of blobs that were read, of all. */
  progress: (currentBytes: number, totalBytes: number) => void;
  signal: AbortSignal;
}

export interface CheckReport {
  problems: Problem[];
  blobs: number;
  blobBytes: number;
  layers: number;
  images: number;
}

/**
 * Reads all that the engine keeps and compares it with what the records say, while it works: what is held by a transfer at any
 * moment of it, and what is stray only for a moment, is no fault. With `repair` what can be mended is, and what is nobody's goes.
 */
export async function checkStore(deps: CheckDeps, options: CheckOptions): Promise<CheckReport> {
  const { content, snapshots, images } = deps;
  using held = images.store.leases.watch();
  const blobs = content.list();
  const before = await findStrays(deps);
  const records = deps.records.check();
  const broken = await verify(content, options);
  const [damagedImages, audit] = [await checkImages({ ...deps, library: images.library }), await snapshots.audit()];
  const after = new Set((await findStrays(deps)).map(({ path }) => path));
  const findings: Findings = {
    records,
    images: damagedImages,
    targets: images.library.targets().filter((digest) => !content.has(digest)),
    blobs: broken,
    snapshots: audit,
    strays: before.filter(({ path }) => after.has(path)),
    orphans: await lastingOrphans(deps, held),
  };
  const problems = options.repair ? await repairStore(deps, findings, options.signal) : describeFindings(findings);
  return {
    problems,
    blobs: blobs.length,
    blobBytes: blobs.reduce((total, { sizeBytes }) => total + sizeBytes, 0),
    layers: snapshots.listLayers().length,
    images: images.library.entries().length,
  };
}

async function verify(content: Content, { progress, signal }: CheckOptions): Promise<BlobFault[]> {
  const blobs = content.list();
  const totalBytes = blobs.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
  let currentBytes = 0;
  progress(0, totalBytes);
  const advance = (bytes: number) => progress((currentBytes += bytes), totalBytes);
  const found = await verifyBlobs(blobs, { advance, signal });
  // What was collected meanwhile is not missing, nor is what was collected and brought again.
  const again = found.flatMap(({ digest }) => content.stat(digest) ?? []);
  const confirmed = await verifyBlobs(again, { advance: () => {}, signal });
  return confirmed.filter(({ digest }) => content.has(digest));
}

/** What nobody needs any more is collected within moments; what stays is an orphan. */
async function lastingOrphans(deps: CheckDeps, held: LeaseWatch): Promise<Findings["orphans"]> {
  let orphans = findOrphans(deps, held);
  for (let look = 0; look < MAX_LOOKS && orphans.blobs.length + orphans.layers.length > 0; look++) {
    await Bun.sleep(LOOK_MS);
    const now = findOrphans(deps, held);
    orphans = {
      blobs: orphans.blobs.filter((digest) => now.blobs.includes(digest)),
      layers: orphans.layers.filter((chainId) => now.layers.includes(chainId)),
    };
  }
  return orphans;
}

function findOrphans({ images, content, snapshots }: CheckDeps, held: LeaseWatch): Findings["orphans"] {
  const needed = images.store.needed();
  return {
    blobs: content
      .list()
      .map(({ digest }) => digest)
      .filter((digest) => !needed.blobs.has(digest) && !held.has(digest)),
    // A layer below a container whose image was removed by force is in use.
    layers: snapshots
      .listLayers()
      .filter((chainId) => !needed.layers.has(chainId) && !held.has(chainId) && !snapshots.isUsed(chainId)),
  };
}
