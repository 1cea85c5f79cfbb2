import type { Clock } from "../../base/clock.ts";
import { shortId } from "../../base/ids.ts";
import { createSemaphore } from "../../base/semaphore.ts";
import { type Digest, hexOf } from "../../formats/oci/digest.ts";
import { MAX_MANIFEST_BYTES, parseManifestDocument } from "../../formats/oci/manifest.ts";
import type { Platform } from "../../formats/oci/platform.ts";
import { familiarName, type Reference } from "../../formats/reference/reference.ts";
import type { RemoteDocument, Repository } from "../../registry/client/registry-client.ts";
import { createCompressor } from "../../storage/content/compress/compress.ts";
import type { LayerRow } from "../../storage/records/images.ts";
import type { ProgressMessage } from "../images.ts";
import type { Entry } from "../library.ts";
import { type CompressDeps, compressLayers } from "./compress-layers.ts";
import { pushBlob } from "./push-blob.ts";
import { planTag, type PushPlan, tagsToPush } from "./plan-push.ts";

export interface PusherDeps extends Omit<CompressDeps, "compressor"> {
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
}

/** Counts of bytes are told no more often. */
const REPORT_MS = 100;

interface Pushing extends CompressDeps {
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
  };
}

async function pushReference(pushing: Pushing, request: PushRequest, plan: PushPlan): Promise<void> {
  const { reference, entries, index } = plan;
  const releases: (() => void)[] = [];
  const repository = request.open(plan.sources);
  try {
    const pushed: RemoteDocument[] = [];
    for (const entry of entries) {
      pushed.push(await pushEntry({ pushing, request, plan, repository }, entry, (one) => releases.push(one)));
    }
    for (const document of index === undefined ? [] : pushed) {
      await repository.putManifest(document.digest, document, request.signal);
    }
    pushing.failpoint("push.blobs");
    const top = index === undefined ? (pushed[0] as RemoteDocument) : await readDocument(pushing, index);
    const tag = reference.tag ?? "latest";
    await repository.putManifest(tag, top, request.signal);
    pushing.failpoint("push.tagged");
    const { domain, path } = reference;
    pushing.library.tag((entries[0] as Entry).row.id, { domain, path, digest: top.digest }, top.digest);
    const size = top.bytes.length;
    request.report({ status: `${tag}: digest: ${top.digest} size: ${size}` });
    request.report({ aux: { Tag: tag, Digest: top.digest, Size: size } });
  } finally {
    for (const release of releases) release();
  }
  await pushing.store.writeIndex();
  // Layers that were compressed leave their plain form behind.
  await pushing.store.collect();
}

interface EntryPush {
  pushing: Pushing;
  request: PushRequest;
  plan: PushPlan;
  repository: Repository;
}

/** Brings config and layers there. Returns the manifest that is to follow. */
async function pushEntry(
  push: EntryPush,
  entry: Entry,
  onRelease: (release: () => void) => void,
): Promise<RemoteDocument> {
  const { pushing, request, repository } = push;
  const stop = new AbortController();
  const signal = AbortSignal.any([request.signal, stop.signal]);
  const { row } = entry;
  onRelease(pushing.store.leases.hold([row.id, row.manifestDigest, ...row.layers.map(({ digest }) => digest)]));
  for (const layer of row.layers) report(request, layer, { status: "Preparing" });
  request.report({ aux: { layerSizes: Object.fromEntries(row.layers.map((one) => [idOf(one), one.sizeBytes])) } });
  const outgoing = await compressLayers(pushing, entry, { signal, onRelease });
  const seen = new Set<Digest>();
  const jobs = outgoing.layers.map(async (ready) => {
    const layer = await ready;
    if (seen.has(layer.digest)) return;
    seen.add(layer.digest);
    await pushing.slots.run(() => pushLayer({ ...push, signal }, layer), signal);
  });
  const config = pushing.content.stat(row.id);
  if (config === undefined) throw new Error(`content ${row.id} is missing`);
  jobs.push(pushBlob(repository, config, { sources: [], onBytes: () => undefined, signal }).then(() => undefined));
  for (const job of jobs) job.catch((error: unknown) => stop.abort(error));
  await Promise.allSettled(jobs);
  if (stop.signal.aborted) throw stop.signal.reason;
  return readDocument(pushing, (await outgoing.row()).manifestDigest);
}

async function pushLayer(
  { pushing, request, plan, repository, signal }: EntryPush & { signal: AbortSignal },
  layer: LayerRow,
): Promise<void> {
  const blob = pushing.content.stat(layer.digest);
  if (blob === undefined) throw new Error(`content ${layer.digest} is missing`);
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
  request: PushRequest,
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
