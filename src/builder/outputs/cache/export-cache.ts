import { EngineError } from "../../../base/errors.ts";
import { createSemaphore } from "../../../base/semaphore.ts";
import { encodeDescriptor } from "../../../formats/oci/descriptor.ts";
import { canonicalReference, parseTagged } from "../../../formats/reference/reference.ts";
import { pushBlob } from "../../../images/push/push-blob.ts";
import { blobBytes } from "../../../images/save/blob-bytes.ts";
import type { Blob } from "../../../storage/content/content.ts";
import type { CacheSpec, Solved } from "../../builder.ts";
import type { CachedResult } from "../../remote-cache.ts";
import { booleanOf } from "../attributes.ts";
import { listedBytes } from "../archive/file-list.ts";
import { credentialsFor, type ExportContext } from "../export-context.ts";
import type { ImageFile } from "../image/image-file.ts";
import { asVertex, type Progress } from "../progress.ts";
import { type PackedCache, packCache } from "./pack-cache.ts";

/** Blobs of a cache that are on their way at once. */
const MAX_PARALLEL = 4;

/** Writes a build's results to where others find them. Returns what the answer says of it. Type inline is the image exporter's. */
export async function exportCache(
  context: ExportContext,
  { spec, solved, cached }: { spec: CacheSpec; solved: Solved; cached: CachedResult[] },
): Promise<Record<string, string>> {
  const { type, attributes } = spec;
  if (type === "inline") return {};
  const { report, deps } = context;
  const seed = JSON.stringify([context.ref, attributes]);
  const where = type === "registry" ? "registry" : "client directory";
  try {
    return await asVertex({ name: `exporting cache to ${where}`, seed, report, clock: deps.clock }, (progress) =>
      writeCache(context, { spec, solved, cached }, progress),
    );
  } catch (error) {
    context.signal.throwIfAborted();
    // The events of the build tell of it.
    if (booleanOf(attributes, "ignore-error", false)) return {};
    throw error;
  }
}

async function writeCache(
  context: ExportContext,
  { spec, solved, cached }: { spec: CacheSpec; solved: Solved; cached: CachedResult[] },
  progress: Progress,
): Promise<Record<string, string>> {
  const { attributes } = spec;
  const releases: (() => void)[] = [];
  try {
    const packed = await progress.step("preparing build cache for export", () =>
      packCache(context, { solved, cached, attributes }, (release) => void releases.push(release)),
    );
    if (spec.type === "registry") await pushCache(context, { packed, attributes }, progress);
    else await sendCache(context, { packed, attributes }, progress);
    return { "cache.manifest": JSON.stringify(encodeDescriptor(packed.manifest.descriptor)) };
  } finally {
    for (const release of releases) release();
    await context.deps.images.store.collect();
  }
}

interface Sending {
  packed: PackedCache;
  attributes: Record<string, string>;
}

async function pushCache(context: ExportContext, { packed, attributes }: Sending, progress: Progress): Promise<void> {
  const { deps, session, request, signal } = context;
  const reference = parseTagged(attributes.ref ?? "");
  const credentials = await credentialsFor({ session, accounts: request.accounts }, reference.domain, signal);
  const insecure = booleanOf(attributes, "registry.insecure", false);
  const repository = deps.distribution.open(reference, {
    push: true,
    insecure,
    ...(credentials === undefined ? {} : { credentials }),
  });
  await eachBlob(context, packed, (blob, own) =>
    progress.step(`writing layer ${blob.digest}`, () =>
      pushBlob(repository, blob, { sources: [], onBytes: () => undefined, signal: own }),
    ),
  );
  const { config, manifest } = packed;
  const { digest } = config.descriptor;
  await progress.step(`writing config ${digest}`, async () => {
    if (!(await repository.hasBlob(digest, signal))) await repository.upload(digest, uploadOf(config), signal);
  });
  const { mediaType } = manifest.descriptor;
  await progress.step(`writing cache image manifest ${canonicalReference(reference)}`, () =>
    repository.putManifest(
      reference.tag ?? "latest",
      { mediaType, digest: manifest.descriptor.digest, bytes: manifest.bytes },
      signal,
    ),
  );
}

function uploadOf({ bytes }: ImageFile) {
  return {
    sizeBytes: bytes.length,
    async *from(offset: number) {
      yield bytes.subarray(offset);
    },
  };
}

async function sendCache(context: ExportContext, { packed, attributes }: Sending, progress: Progress): Promise<void> {
  const { session, signal } = context;
  const layouts = session?.layouts;
  if (layouts === undefined) {
    throw new EngineError("not-implemented", "cache of type local: this client offers no directory for it");
  }
  const id = `local:${attributes.dest}`;
  await eachBlob(context, packed, (blob, own) =>
    progress.step(`writing layer ${blob.digest}`, async () => {
      if (await layouts.has(id, blob.digest, own)) return;
      await layouts.write(id, { ...blob, bytes: blobBytes(blob, own) }, own);
    }),
  );
  for (const { descriptor, bytes } of [packed.config, packed.manifest]) {
    const { digest, sizeBytes } = descriptor;
    await layouts.write(id, { digest, sizeBytes, bytes: listedBytes("", bytes).read() }, signal);
  }
}

/** Some at once. The first that fails ends the rest, and is what is thrown. */
async function eachBlob(
  { deps, signal }: ExportContext,
  { layers }: PackedCache,
  send: (blob: Blob, signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const slots = createSemaphore(MAX_PARALLEL);
  const jobs = layers.map(async ({ digest }) => {
    const blob = deps.content.stat(digest);
    if (blob === undefined) throw new Error(`content ${digest} is missing`);
    await slots.run(() => send(blob, both), both);
  });
  for (const job of jobs) job.catch((error: unknown) => stop.abort(error));
  await Promise.allSettled(jobs);
  if (stop.signal.aborted) throw stop.signal.reason;
}
