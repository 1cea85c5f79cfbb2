import { EngineError, invalid } from "../../base/errors.ts";
import type { Clock } from "../../base/clock.ts";
import type { SharedJobs } from "../../base/shared-jobs.ts";
import { chainIds } from "../../formats/oci/chain-id.ts";
import { type ImageConfig, MAX_CONFIG_BYTES, parseImageConfig } from "../../formats/oci/config.ts";
import type { Descriptor } from "../../formats/oci/descriptor.ts";
import { algorithmOf, type Digest } from "../../formats/oci/digest.ts";
import type { Manifest } from "../../formats/oci/manifest.ts";
import { formatPlatform, hostPlatform, type Platform, platformServes } from "../../formats/oci/platform.ts";
import { canonicalReference, familiarReference, type Reference } from "../../formats/reference/reference.ts";
import type { RemoteDocument, Repository } from "../../registry/client/registry-client.ts";
import type { Content } from "../../storage/content/content.ts";
import type { LayerRow } from "../../storage/records/images.ts";
import type { Snapshots } from "../../storage/snapshots/snapshots.ts";
import type { ProgressMessage } from "../images.ts";
import type { Entry, Library } from "../library.ts";
import type { ImageStore } from "../store.ts";
import type { LayerFetcher } from "./fetch-layer.ts";
import { createLayerReporter, layerId } from "./layer-reports.ts";
import { isWorthKeeping, pullError } from "./pull-errors.ts";
import { readBlob } from "./read-blob.ts";
import { type ResolvedImage, resolveImage } from "./resolve-image.ts";
import { findUpToDate } from "./up-to-date.ts";
import type { UnfinishedPulls } from "./unfinished-pulls.ts";

export interface PullDeps {
  content: Content;
  snapshots: Pick<Snapshots, "has">;
  store: ImageStore;
  library: Library;
  fetcher: LayerFetcher;
  /** Configs on their way, for all who want the same. */
  configs: SharedJobs<Uint8Array>;
  unfinished: UnfinishedPulls;
  clock: Pick<Clock, "monotonicMs" | "sleep">;
}

export interface PullRequest {
  /** With a tag or a digest. */
  reference: Reference;
  repository: Repository;
  platform: Platform | undefined;
  report: (message: ProgressMessage) => void;
  signal: AbortSignal;
}

/** Brings one image here under the name it was asked for. What was there already is not fetched again. */
export async function pullImage(deps: PullDeps, request: PullRequest): Promise<Entry> {
  const { reference, repository, signal } = request;
  const current = await findUpToDate(deps, request);
  if (current !== undefined) {
    // A daemon that was killed after the last step of a pull could not say that it was the last.
    deps.unfinished.drop(pullName(request));
    reportHeading(request);
    reportOutcome(request, current.target, false);
    return current.entry;
  }
  const wanted = reference.digest ?? reference.tag ?? "latest";
  const platform = request.platform ?? hostPlatform();
  const resolved = await resolveImage(repository, wanted, { platform, signal }).catch((error: unknown) => {
    throw pullError(error, reference);
  });
  // Not before: what cannot be found is an answer of its own, and no line of a stream.
  reportHeading(request);
  const { entry, isNew } = await pullResolved(deps, request, resolved);
  reportOutcome(request, resolved.target.digest, isNew);
  return entry;
}

function reportHeading({ reference, report }: PullRequest): void {
  report({ id: reference.digest ?? reference.tag ?? "", status: `Pulling from ${reference.path}` });
}

function reportOutcome({ reference, report }: PullRequest, target: Digest, isNew: boolean): void {
  report({ status: `Digest: ${target}` });
  const name = familiarReference(reference);
  report({ status: isNew ? `Status: Downloaded newer image for ${name}` : `Status: Image is up to date for ${name}` });
}

async function pullResolved(deps: PullDeps, request: PullRequest, resolved: ResolvedImage) {
  const { store, library, content, unfinished } = deps;
  const { manifest, target, document, indexes } = resolved;
  const { config: configDescriptor, layers } = manifest;
  const held = [configDescriptor, ...layers, target, document, ...indexes].map(({ digest }) => digest);
  const release = store.leases.hold(held);
  try {
    const holderBefore = library.holder(request.reference);
    const wasKnown = library.get(configDescriptor.digest) !== undefined;
    const configBytes = await readConfig(deps, request, configDescriptor);
    const { config } = parseImageConfig(configBytes);
    checkConfig(config, manifest, request);
    for (const one of new Set([...indexes, document])) await putDocument(content, one);
    const rows = layerRows(config, layers);
    const pull = pullName(request);
    unfinished.begin(pull, [...held, ...chainIds(config.diffIds)]);
    let isOver = true;
    try {
      const entry = await installLayers(deps, request, { resolved, rows });
      return { entry, isNew: !wasKnown || holderBefore !== entry.row.id };
    } catch (error) {
      isOver = !isWorthKeeping(error);
      throw error;
    } finally {
      unfinished.end(pull, isOver);
    }
  } finally {
    release();
  }
}

function pullName({ reference, platform }: PullRequest): string {
  return canonicalReference(reference) + (platform === undefined ? "" : ` ${formatPlatform(platform)}`);
}

async function readConfig(
  { content, configs, clock }: PullDeps,
  { repository, signal }: PullRequest,
  { digest, sizeBytes }: Descriptor,
): Promise<Uint8Array> {
  if (sizeBytes > MAX_CONFIG_BYTES) throw invalid(`image config ${digest} is larger than ${MAX_CONFIG_BYTES} bytes`);
  const key = `${digest} ${sizeBytes}`;
  for (;;) {
    if (content.has(digest)) return content.read(digest, MAX_CONFIG_BYTES);
    const joined = configs.has(key);
    try {
      return await configs.run(key, signal, async (own) => {
        const bytes = await readBlob({ repository, clock }, { digest, sizeBytes }, own);
        // Before the job is over: who comes next finds the one or the other.
        await putDocument(content, { digest, bytes });
        return bytes;
      });
    } catch (error) {
      signal.throwIfAborted();
      // Somebody else's registry has failed him: now it is this one's turn.
      if (!joined) throw error;
    }
  }
}

function checkConfig(config: ImageConfig, { layers }: Manifest, { platform, reference }: PullRequest): void {
  if (config.os !== "linux") throw invalid(`image operating system "${config.os}" cannot be used on this platform`);
  if (config.diffIds.length !== layers.length) {
    throw invalid(`image config has ${config.diffIds.length} layers, its manifest ${layers.length}`);
  }
  if (platform === undefined || config.architecture === "" || platformServes(platform, config)) return;
  throw new EngineError(
    "not-found",
    `image with reference ${familiarReference(reference)} was found but its platform (${formatPlatform(config)}) ` +
      `does not match the specified platform (${formatPlatform(platform)})`,
  );
}

async function putDocument(
  content: Content,
  { digest, bytes }: Pick<RemoteDocument, "digest" | "bytes">,
): Promise<void> {
  if (content.has(digest)) return;
  const ingest = await content.ingest(algorithmOf(digest));
  await ingest.write(bytes);
  await ingest.commit({ digest });
}

function layerRows(config: ImageConfig, layers: Descriptor[]): LayerRow[] {
  return layers.map(({ digest, sizeBytes, mediaType }, index) => ({
    diffId: config.diffIds[index] as Digest,
    digest,
    sizeBytes,
    mediaType,
  }));
}

/** Tells of each layer from its place in the queue to its place in the stack, whoever brings it. */
async function installLayers(
  deps: PullDeps,
  { reference, repository, report, signal }: PullRequest,
  { resolved, rows }: { resolved: ResolvedImage; rows: LayerRow[] },
): Promise<Entry> {
  const { snapshots, store, fetcher, content, clock } = deps;
  const chain = chainIds(rows.map(({ diffId }) => diffId));
  const reporters = rows.map((row) => createLayerReporter(row, report, () => clock.monotonicMs()));
  const isHere = (index: number) =>
    snapshots.has(chain[index] as Digest) && content.has((rows[index] as LayerRow).digest);
  const unwatch = rows.map((row, index) => {
    if (isHere(index)) {
      reporters[index]?.say("Already exists");
      return () => undefined;
    }
    reporters[index]?.say("Pulling fs layer");
    return fetcher.watch(row.digest, { repository, listener: (state) => reporters[index]?.update(state) });
  });
  const missing = rows.filter((_, index) => !isHere(index)).map((row) => [layerId(row), row.sizeBytes]);
  if (missing.length > 0) report({ aux: { layerSizes: Object.fromEntries(missing) } });
  try {
    return await store.install({
      row: { id: resolved.manifest.config.digest, manifestDigest: resolved.document.digest, layers: rows },
      references: [reference],
      target: resolved.target.digest,
      fetch: (layer, own) => fetcher.fetch(layer, repository, own),
      onLayer: (index) => reporters[index]?.say("Pull complete"),
      signal,
    });
  } finally {
    for (const stop of unwatch) stop();
  }
}
