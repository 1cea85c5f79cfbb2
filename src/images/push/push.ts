import type { Clock } from "../../base/clock.ts";
import { shortId } from "../../base/ids.ts";
import { createSemaphore } from "../../base/semaphore.ts";
import { type Digest, hexOf } from "../../formats/oci/digest.ts";
import { MAX_MANIFEST_BYTES, parseManifestDocument } from "../../formats/oci/manifest.ts";
import type { Platform } from "../../formats/oci/platform.ts";
import { familiarName, type Reference } from "../../formats/reference/reference.ts";
import type { RemoteDocument, Repository } from "../../registry/client/registry-client.ts";
import { createCompressor } from "../../storage/content/compress/compress.ts";
import type { Blob } from "../../storage/content/content.ts";
import type { LayerRow } from "../../storage/records/images.ts";
import type { ProgressMessage } from "../images.ts";
import type { Entry } from "../library.ts";
import type { RecompressDeps } from "../recompress.ts";
import { asItIs, compressLayers } from "./compress-layers.ts";
import { type PushPlan, planTag, tagsToPush } from "./plan-push.ts";
import { pushBlob } from "./push-blob.ts";

export interface PusherDeps extends Omit<RecompressDeps, "compressor"> {
  clock: Pick<Clock, "monotonicMs">;
  maxUploads: number;
  failpoint: (name: string) => void;
}

export interface PushRequest {
  /** Without a tag: every tag of the repository that is here. */
  name: Reference;
  open: (mountFrom: string[]) => Repository;
  platform: Platform | undefined;
  report: (message: ProgressMessage) => void;
  signal: AbortSignal;
}

export interface Pusher {
  /** The references that were pushed. Blobs go first, manifests when all they name is there. */
  push(request: PushRequest): Promise<Reference[]>;
  /** What need not have a name here, under its digest alone unless the plan's reference has a tag. Returns the digest. */
  pushPlan(request: Pick<PushRequest, "open" | "report" | "signal">, plan: PushPlan): Promise<Digest>;
}

/** Counts of bytes are told no more often. */
const REPORT_MS = 100;

interface Pushing extends RecompressDeps {
  clock: Pick<Clock, "monotonicMs">;
  slots: ReturnType<typeof createSemaphore>;
  failpoint: (name: string) => void;
}

export function createPusher(deps: PusherDeps): Pusher {
  const pushing: Pushing = { ...deps, compressor: createCompressor(), slots: createSemaphore(deps.maxUploads) };
  return {
    async push(request) {
      const { name, report } = request;
      const references = tagsToPush(deps.library, name);
      report({ status: `The push refers to repository [${familiarName(name)}]` });
      // Each is planned when its turn comes: the push before it may have changed the image that both name.
      for (const reference of references) {
        await pushReference(pushing, request, planTag(deps.library, reference, request.platform));
      }
      return references;
    },
    pushPlan: (request, plan) => pushReference(pushing, request, plan),
  };
}

type Transfer = Pick<PushRequest, "open" | "report" | "signal">;

async function pushReference(pushing: Pushing, request: Transfer, plan: PushPlan): Promise<Digest> {
  const { reference, entries, index } = plan;
  const releases: (() => void)[] = [];
  const repository = request.open(plan.sources);
  let digest: Digest;
  try {
    const pushed: RemoteDocument[] = [];
    for (const entry of entries) {
      pushed.push(await pushEntry({ pushing, request, plan, repository }, entry, (one) => releases.push(one)));
    }
    for (const { manifest, blobs } of plan.attachments) {
      pushed.push(await pushAttachment({ pushing, request, plan, repository }, manifest, blobs));
    }
    for (const document of index === undefined ? [] : pushed) {
      await repository.putManifest(document.digest, document, request.signal);
    }
    pushing.failpoint("push.blobs");
    const top = index === undefined ? (pushed[0] as RemoteDocument) : await readDocument(pushing, index);
    const tag = reference.tag ?? top.digest;
    await repository.putManifest(tag, top, request.signal);
    pushing.failpoint("push.tagged");
    const { domain, path } = reference;
    pushing.library.tag((entries[0] as Entry).row.id, { domain, path, digest: top.digest }, top.digest);
    const size = top.bytes.length;
    request.report({ status: `${tag}: digest: ${top.digest} size: ${size}` });
    request.report({ aux: { Tag: tag, Digest: top.digest, Size: size } });
    digest = top.digest;
  } finally {
    for (const release of releases) release();
  }
  await pushing.store.writeIndex();
  // Layers that were compressed leave their plain form behind.
  await pushing.store.collect();
  return digest;
}

async function pushAttachment(
  { pushing, request, repository }: EntryPush,
  manifest: Digest,
  blobs: Digest[],
): Promise<RemoteDocument> {
  for (const digest of blobs) {
    const options = { sources: [], onBytes: () => undefined, signal: request.signal };
    await pushBlob(repository, blobOf(pushing, digest), options);
  }
  return readDocument(pushing, manifest);
}

function blobOf({ content }: Pushing, digest: Digest): Blob {
  const blob = content.stat(digest);
  if (blob === undefined) throw new Error(`content ${digest} is missing`);
  return blob;
}

interface EntryPush {
  pushing: Pushing;
  request: Transfer;
  plan: PushPlan;
  repository: Repository;
}

/** Brings config and layers there. Returns the manifest that is to follow. */
async function pushEntry(
  push: EntryPush,
  entry: Entry,
  onRelease: (release: () => void) => void,
): Promise<RemoteDocument> {
  const { pushing, request, plan, repository } = push;
  const stop = new AbortController();
  const signal = AbortSignal.any([request.signal, stop.signal]);
  const { row } = entry;
  onRelease(pushing.store.leases.hold([row.id, row.manifestDigest, ...row.layers.map(({ digest }) => digest)]));
  for (const layer of row.layers) report(request, layer, { status: "Preparing" });
  request.report({ aux: { layerSizes: Object.fromEntries(row.layers.map((one) => [idOf(one), one.sizeBytes])) } });
  const outgoing = plan.isFinal
    ? asItIs(pushing, row, signal)
    : await compressLayers(pushing, entry, { signal, onRelease });
  const seen = new Set<Digest>();
  const jobs = outgoing.layers.map(async (ready) => {
    const layer = await ready;
    if (seen.has(layer.digest)) return;
    seen.add(layer.digest);
    await pushing.slots.run(() => pushLayer({ ...push, signal }, layer), signal);
  });
  jobs.push(
    pushBlob(repository, blobOf(pushing, row.id), { sources: [], onBytes: () => undefined, signal }).then(
      () => undefined,
    ),
  );
  for (const job of jobs) job.catch((error: unknown) => stop.abort(error));
  await Promise.allSettled(jobs);
  if (stop.signal.aborted) throw stop.signal.reason;
  return readDocument(pushing, (await outgoing.row()).manifestDigest);
}

async function pushLayer(
  { pushing, request, plan, repository, signal }: EntryPush & { signal: AbortSignal },
  layer: LayerRow,
): Promise<void> {
  const blob = blobOf(pushing, layer.digest);
  let toldAtMs = Number.NEGATIVE_INFINITY;
  const onBytes = (current: number) => {
    if (pushing.clock.monotonicMs() - toldAtMs < REPORT_MS) return;
    toldAtMs = pushing.clock.monotonicMs();
    report(request, layer, { status: "Pushing", current, total: layer.sizeBytes });
  };
  const sources = plan.sourcesOf(layer.digest);
  const pushed = await pushBlob(repository, blob, { sources, onBytes, signal });
  pushing.failpoint("push.blob");
  switch (pushed.how) {
    case "exists":
      return report(request, layer, { status: "Layer already exists" });
    case "mounted":
      return report(request, layer, { status: `Mounted from ${pushed.from}` });
    case "uploaded":
      return report(request, layer, { status: "Pushed" });
  }
}

function report(
  request: Transfer,
  layer: LayerRow,
  message: { status: string; current?: number; total?: number },
): void {
  request.report({ id: idOf(layer), ...message });
}

function idOf({ diffId }: LayerRow): string {
  return shortId(hexOf(diffId));
}

async function readDocument({ content }: Pushing, digest: Digest): Promise<RemoteDocument> {
  const bytes = await content.read(digest, MAX_MANIFEST_BYTES);
  return { digest, bytes, mediaType: parseManifestDocument(bytes).mediaType };
}
