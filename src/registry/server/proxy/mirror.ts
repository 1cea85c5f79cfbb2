import { messageOf } from "../../../base/errors.ts";
import type { Logger } from "../../../base/logger.ts";
import { algorithmOf, createDigestStream, type Digest } from "../../../formats/oci/digest.ts";
import { MEDIA_TYPES } from "../../../formats/oci/media-types.ts";
import { RegistryError } from "../../client/registry-error.ts";
import { DistributionError, isCode } from "../http/error-codes.ts";
import type { ManifestName } from "../routes/parse.ts";
import { type BlobSource, fileSource } from "../storage/blob-source.ts";
import { readPushedManifest, type StoredManifest } from "../storage/manifests.ts";
import type { Storage } from "../storage/storage.ts";
import { type Download, startDownload } from "./download.ts";
import type { Upstream } from "./upstream.ts";

/** Blobs that are fetched at once. */
const MAX_DOWNLOADS = 64;

const ACCEPT = [MEDIA_TYPES.ociIndex, MEDIA_TYPES.dockerIndex, MEDIA_TYPES.ociManifest, MEDIA_TYPES.dockerManifest];

/**
 * A pull-through cache. What is here by digest is served from here; a tag is asked for upstream each time (HEAD), and served as it was
 * last seen where the upstream cannot be asked. undefined: neither here nor there.
 */
export interface Mirror {
  manifest(repository: string, name: ManifestName): Promise<StoredManifest | undefined>;
  blob(repository: string, digest: Digest): Promise<BlobSource | undefined>;
  /** Waits for what is being fetched. */
  close(): Promise<void>;
}

interface Deps {
  storage: Storage;
  upstream: Upstream;
  logger: Logger;
}

export function createMirror(deps: Deps): Mirror {
  const { storage, upstream } = deps;
  const manifests = createSingleFlight<StoredManifest | undefined>();
  const opening = createSingleFlight<Download | undefined>();
  const downloads = new Map<string, Download>();
  const fetchBlob = async (repository: string, digest: Digest, key: string): Promise<Download | undefined> => {
    if (downloads.size >= MAX_DOWNLOADS) throw new DistributionError("TOOMANYREQUESTS");
    const blob = await unlessUnavailable(() => upstream.getBlob(repository, digest));
    if (blob === undefined) return undefined;
    const download = await startDownload(storage, { repository, digest }, blob);
    downloads.set(key, download);
    const ended = () => void downloads.delete(key);
    download.done.then(ended, (error: unknown) => {
      ended();
      deps.logger.warn("a blob could not be fetched", { repository, digest, error: messageOf(error) });
    });
    return download;
  };
  return {
    manifest: (repository, name) =>
      "digest" in name
        ? manifests.run(`${repository}@${name.digest}`, () => manifestByDigest(deps, repository, name.digest))
        : manifests.run(`${repository}:${name.tag}`, () => manifestByTag(deps, repository, name.tag)),
    async blob(repository, digest) {
      const key = `${repository}@${digest}`;
      const running = downloads.get(key) ?? (await opening.run(key, () => fetchBlob(repository, digest, key)));
      if (running === undefined) return undefined;
      const { sizeBytes } = running;
      if (sizeBytes !== undefined) return { sizeBytes, body: (start, end) => running.read(start, end) };
      await unlessUnavailable(() => running.done);
      const whole = storage.links.stat({ repository, kind: "_blobs" }, digest);
      return whole === undefined ? undefined : fileSource(whole);
    },
    close: async () => void (await Promise.allSettled([...downloads.values()].map(({ done }) => done))),
  };
}

async function manifestByDigest(deps: Deps, repository: string, digest: Digest): Promise<StoredManifest | undefined> {
  const local = deps.storage.manifests.get(repository, digest);
  if (local !== undefined) {
    await deps.storage.manifests.use(repository, digest);
    return local;
  }
  return unlessUnavailable(() => fetchManifest(deps, repository, digest));
}

async function manifestByTag(deps: Deps, repository: string, tag: string): Promise<StoredManifest | undefined> {
  const { storage, upstream, logger } = deps;
  const known = storage.tags.get(repository, tag);
  const local = known === undefined ? undefined : storage.manifests.get(repository, known);
  let fresh: StoredManifest | undefined;
  try {
    const current = local === undefined ? undefined : await upstream.headManifest(repository, tag, ACCEPT);
    const unchanged = local !== undefined && current === local.digest;
    fresh = unchanged ? local : await fetchManifest(deps, repository, tag);
  } catch (error) {
    if (local === undefined) throw unavailable(error);
    logger.warn("serving a tag as it was last seen", { repository, tag, error: messageOf(error) });
    return local;
  }
  if (fresh === undefined) return undefined;
  if (fresh.digest === known) storage.tags.use(repository, tag);
  else await storage.tags.set(repository, tag, fresh.digest);
  return fresh;
}

/** Gets, checks and keeps a manifest. What it names comes when somebody asks for it. */
async function fetchManifest(
  { storage, upstream }: Deps,
  repository: string,
  reference: string,
): Promise<StoredManifest | undefined> {
  const found = await upstream.getManifest(repository, reference, ACCEPT);
  if (found === undefined) return undefined;
  const { bytes } = found;
  const wanted = reference.includes(":") ? (reference as Digest) : undefined;
  const stream = createDigestStream(wanted === undefined ? "sha256" : algorithmOf(wanted));
  stream.update(bytes);
  const digest = stream.digest();
  if (wanted !== undefined && digest !== wanted) throw new Error(`the upstream sent ${digest} for ${wanted}`);
  const document = readPushedManifest(bytes, found.mediaType);
  const manifest = { digest, bytes, mediaType: document.mediaType };
  await storage.manifests.put(repository, manifest, document);
  return manifest;
}

async function unlessUnavailable<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw unavailable(error);
  }
}

function unavailable(error: unknown): DistributionError {
  if (isCode(error, "TOOMANYREQUESTS")) return error as DistributionError;
  // When it may be asked again stands in the words.
  if (error instanceof RegistryError && error.status === 429)
    return new DistributionError("TOOMANYREQUESTS", { message: error.message, cause: error });
  return new DistributionError("UPSTREAM_UNAVAILABLE", { detail: messageOf(error), cause: error });
}

/** One job for all who want the same at the same time. */
function createSingleFlight<T>() {
  const running = new Map<string, Promise<T>>();
  return {
    run(key: string, job: () => Promise<T>): Promise<T> {
      const present = running.get(key);
      if (present !== undefined) return present;
      const started = job().finally(() => running.delete(key));
      running.set(key, started);
      return started;
    },
  };
}
