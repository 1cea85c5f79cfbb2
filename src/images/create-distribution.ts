import { createBufferMeter } from "../base/buffer-meter.ts";
import type { Clock } from "../base/clock.ts";
import { EngineError, invalid, isKind } from "../base/errors.ts";
import { SharedJobs } from "../base/shared-jobs.ts";
import { MAX_CONFIG_BYTES, parseImageConfig } from "../formats/oci/config.ts";
import { type Digest, digestOf } from "../formats/oci/digest.ts";
import { type Platform, parsePlatformSpecifier } from "../formats/oci/platform.ts";
import {
  familiarName,
  familiarReference,
  parseReference,
  type Reference,
  withDefaultTag,
} from "../formats/reference/reference.ts";
import type { HostsConfig } from "../registry/client/hosts.ts";
import {
  type Access,
  createRegistryClient,
  type RegistryClient,
  type Repository,
} from "../registry/client/registry-client.ts";
import type { ImagesDeps, ImagesService } from "./create-images.ts";
import type { Distribution, ManifestOptions, RegistryCredentials, TransferOptions } from "./distribution.ts";
import { readIndex } from "./index-manifests.ts";
import { createLayerFetcher, type LayerFetcher } from "./pull/fetch-layer.ts";
import { type PullDeps, pullImage } from "./pull/pull.ts";
import { pullError } from "./pull/pull-errors.ts";
import { readBlob } from "./pull/read-blob.ts";
import { parseRemote } from "./pull/resolve-image.ts";
import type { UnfinishedPulls } from "./pull/unfinished-pulls.ts";
import { bringOver } from "./push/bring-over.ts";
import { type PushPlan, planImage } from "./push/plan-push.ts";
import { createPusher, type Pusher } from "./push/push.ts";
import { registryDomain, splitSearchTerm } from "./registry-names.ts";

export interface DistributionDeps extends Pick<ImagesDeps, "content" | "snapshots" | "publish"> {
  images: Pick<ImagesService, "store" | "library">;
  unfinished: UnfinishedPulls;
  hosts: HostsConfig;
  limits: { downloads: number; uploads: number; downloadAttempts: number; stallMs: number };
  clock: Clock;
  userAgent: string;
  /** See engine/failpoints. */
  failpoint?: (name: string) => void;
}

interface Service {
  deps: DistributionDeps;
  client: RegistryClient;
  /** Trusts anybody: for the one call that asks for it. */
  trusting: RegistryClient;
  pulling: PullDeps;
  pusher: Pusher;
}

/** An image that is here, whatever its name: its entries are those of `index`, or one. */
export type ImageToPush = Pick<PushPlan, "entries" | "index">;

/** With what the builder needs besides. */
export type DistributionService = Distribution & {
  /** Brings layers of a repository that `open` has opened. */
  fetcher: LayerFetcher;
  /** `push`: it will be written to, with blobs from `mountFrom` perhaps. */
  open(
    name: Pick<Reference, "domain" | "path">,
    options: Pick<ManifestOptions, "credentials" | "insecure"> & { push: boolean; mountFrom?: string[] },
  ): Repository;
  /** Pushes an image as it is, under a tag or, where the reference has none, its digest alone. Returns the digest. */
  pushImage(
    reference: Reference,
    image: ImageToPush,
    options: Omit<TransferOptions, "platform"> & { insecure: boolean },
  ): Promise<Digest>;
};

/** Images between this engine and registries. Throws invalid-argument for settings of hosts that are none. */
export function createDistribution(deps: DistributionDeps): DistributionService {
  const { images, content, snapshots, unfinished, clock, limits, hosts, userAgent, failpoint = () => {} } = deps;
  const { store, library } = images;
  const client = createRegistryClient({ config: hosts, clock, userAgent });
  const anybody = [...hosts.insecureRegistries, "0.0.0.0/0", "::/0"];
  const trusting = createRegistryClient({ config: { ...hosts, insecureRegistries: anybody }, clock, userAgent });
  const download = { attempts: limits.downloadAttempts, stallMs: limits.stallMs };
  const maxDownloads = limits.downloads;
  const fetcher = createLayerFetcher({
    content,
    store,
    clock,
    limits: download,
    maxDownloads,
    failpoint,
    buffers: createBufferMeter(),
  });
  const service: Service = {
    deps,
    client,
    trusting,
    pulling: { content, snapshots, store, library, fetcher, unfinished, configs: new SharedJobs(), clock },
    pusher: createPusher({ content, store, library, clock, maxUploads: limits.uploads, failpoint }),
  };
  return {
    fetcher,
    open: (name, { push: isWritten, mountFrom = [], ...access }) =>
      chosenClient(service, access).repository(name, {
        ...repositoryAccess(access, isWritten ? "pull,push" : "pull"),
        mountFrom,
      }),
    pushImage: (reference, image, options) =>
      pushImage(service, reference, { image, ...options }).catch(rethrowUnprompted),
    pull: (reference, options) => pull(service, parseReference(reference), options).catch(rethrowUnprompted),
    push: (repository, options) => push(service, repository, options).catch(rethrowUnprompted),
    inspect: (reference, options) => inspect(service, withDefaultTag(parseReference(reference)), options),
    async manifest(reference, options) {
      const parsed = withDefaultTag(parseReference(reference));
      const document = await fetchDocument(service, parsed, options);
      return { ...document, mediaType: parseRemote(document).mediaType };
    },
    putManifest: (reference, manifest, options) => putManifest(service, reference, { ...manifest, ...options }),
    async search(term, { limit, filters, ...access }) {
      const { domain, rest } = splitSearchTerm(term);
      const found = await client.search(domain, { term: rest, limit }, clientAccess(access));
      const named = domain === "docker.io" ? found : found.map((one) => ({ ...one, name: `${domain}/${one.name}` }));
      return named.filter((one) => matchesSearch(one, filters));
    },
    async login(credentials, signal) {
      const identityToken = await client.login(registryDomain(credentials.serverAddress), credentials, signal);
      return { status: "Login Succeeded", identityToken };
    },
  };
}

/** Docker's command line answers a 401 by asking for an account, also where nobody sits: its own daemon gives none here. */
function rethrowUnprompted(error: unknown): never {
  throw isKind(error, "unauthorized") ? new EngineError("forbidden", error.message, { cause: error }) : error;
}

function clientAccess({ credentials, signal }: { credentials?: RegistryCredentials; signal: AbortSignal }) {
  return { credentials, signal };
}

function repositoryAccess(
  { credentials, metaHeaders = {} }: Pick<TransferOptions, "credentials" | "metaHeaders">,
  actions: Access["actions"],
): Access {
  return { credentials, actions, headers: metaHeaders };
}

async function pull(
  service: Service,
  parsed: Reference,
  { allTags, platform, ...options }: Parameters<Distribution["pull"]>[1],
): Promise<void> {
  const { client, pulling, deps } = service;
  const { report, signal } = options;
  if (allTags && (parsed.tag !== undefined || parsed.digest !== undefined)) {
    throw invalid("tag can't be used with --all-tags/-a");
  }
  const repository = client.repository(parsed, repositoryAccess(options, "pull"));
  const wanted: Platform | undefined = platform === undefined ? undefined : parsePlatformSpecifier(platform);
  const references = allTags ? await tagsOf(parsed, repository, signal) : [withDefaultTag(parsed)];
  try {
    for (const reference of references) {
      const named = reference.digest === undefined ? reference : withoutTag(reference);
      await pullImage(pulling, { reference: named, repository, platform: wanted, report, signal });
      deps.failpoint?.("pull.recorded");
      deps.publish(event("pull", reference));
    }
  } finally {
    await pulling.store.writeIndex();
    // A name may have moved away from an image, and what failed has left blobs of no image.
    await pulling.store.collect();
  }
}

/** `name:tag@digest` is what the digest says; the tag is ignored, as by Docker. */
function withoutTag({ domain, path, digest }: Reference): Reference {
  return { domain, path, ...(digest === undefined ? {} : { digest }) };
}

async function tagsOf(
  name: Reference,
  repository: ReturnType<RegistryClient["repository"]>,
  signal: AbortSignal,
): Promise<Reference[]> {
  const tags = await repository.tags(signal).catch((error: unknown) => {
    throw pullError(error, name);
  });
  if (tags.length === 0) throw new EngineError("not-found", `${familiarName(name)}: the repository has no tags`);
  return tags.map((tag) => parseReference(`${name.domain}/${name.path}:${tag}`));
}

/** Docker's attributes of an image's journey: its name for an ID. */
function event(action: "pull" | "push", reference: Reference) {
  const attributes = { name: familiarName(reference) };
  return { type: "image" as const, action, actorId: familiarReference(reference), attributes };
}

async function push(service: Service, repository: string, options: Parameters<Distribution["push"]>[1]): Promise<void> {
  const { client, pusher, deps } = service;
  const { tag = "", platform, ...transfer } = options;
  const name = parseReference(tag === "" ? repository : `${repository}:${tag}`);
  if (name.digest !== undefined) throw invalid("cannot push a digest reference");
  const wanted = platform === undefined ? undefined : parsePlatformSpecifier(platform);
  const open = (mountFrom: string[]) =>
    client.repository(name, { ...repositoryAccess(transfer, "pull,push"), mountFrom });
  const pushed = await pusher.push({ name, open, platform: wanted, report: options.report, signal: options.signal });
  for (const reference of pushed) deps.publish(event("push", reference));
}

async function pushImage(
  service: Service,
  reference: Reference,
  { image, insecure, ...transfer }: { image: ImageToPush } & Parameters<DistributionService["pushImage"]>[2],
): Promise<Digest> {
  const { pusher, deps } = service;
  const attachments = image.index === undefined ? [] : (await readIndex(deps.content, image.index)).attachments;
  const plan = planImage(deps.images.library, reference, { ...image, attachments, isFinal: true });
  const open = (mountFrom: string[]) =>
    chosenClient(service, { insecure }).repository(reference, {
      ...repositoryAccess(transfer, "pull,push"),
      mountFrom,
    });
  const digest = await pusher.pushPlan({ open, report: transfer.report, signal: transfer.signal }, plan);
  deps.publish(event("push", reference.tag === undefined ? { ...reference, digest } : reference));
  return digest;
}

function chosenClient({ client, trusting }: Service, { insecure }: { insecure: boolean }): RegistryClient {
  return insecure ? trusting : client;
}

function fetchDocument(service: Service, reference: Reference, options: ManifestOptions) {
  const chosen = chosenClient(service, options);
  const repository = chosen.repository(reference, repositoryAccess(options, "pull"));
  const name = reference.digest ?? reference.tag ?? "latest";
  return repository.manifest(name, options.signal).catch((error: unknown) => {
    throw pullError(error, reference);
  });
}

async function inspect(
  service: Service,
  reference: Reference,
  options: Parameters<Distribution["inspect"]>[1],
): ReturnType<Distribution["inspect"]> {
  const { signal } = options;
  const document = await fetchDocument(service, reference, { ...options, insecure: false });
  const parsed = parseRemote(document);
  const { mediaType } = parsed;
  const descriptor = { mediaType, digest: document.digest, sizeBytes: document.bytes.length, annotations: {} };
  if (parsed.kind === "index") {
    const platforms = parsed.manifests.flatMap(({ platform }) => platform ?? []);
    return { descriptor, platforms: platforms.filter(({ os }) => os !== "unknown") };
  }
  if (parsed.config.sizeBytes > MAX_CONFIG_BYTES) throw invalid("the image's config is too large");
  const repository = service.client.repository(reference, repositoryAccess(options, "pull"));
  const { config } = parseImageConfig(await readBlob({ repository, clock: service.deps.clock }, parsed.config, signal));
  const { os, architecture, variant } = config;
  return { descriptor, platforms: [{ os, architecture, ...(variant === undefined ? {} : { variant }) }] };
}

async function putManifest(
  service: Service,
  reference: string,
  options: Parameters<Distribution["putManifest"]>[1] & Parameters<Distribution["putManifest"]>[2],
): Promise<Digest> {
  const { mediaType, bytes, signal, sources } = options;
  const parsed = withDefaultTag(parseReference(reference));
  const chosen = chosenClient(service, options);
  const origins = sources.map(({ repository, digest }) => ({ name: parseReference(repository), digest }));
  const mountFrom = [...new Set(origins.map(({ name }) => name.path).filter((path) => path !== parsed.path))];
  const target = chosen.repository(parsed, { ...repositoryAccess(options, "pull,push"), mountFrom });
  for (const { name, digest } of origins) {
    if (name.domain !== parsed.domain) throw invalid(`${familiarName(name)} is of another registry than ${reference}`);
    if (name.path === parsed.path) continue;
    const source = chosen.repository(name, repositoryAccess(options, "pull"));
    await bringOver({ source, target, path: name.path }, digest, signal);
  }
  const digest = digestOf(bytes);
  await target.putManifest(parsed.digest ?? parsed.tag ?? "latest", { mediaType, digest, bytes }, signal);
  return digest;
}

function matchesSearch(
  result: { isOfficial: boolean; isAutomated: boolean; starCount: number },
  filters: Record<string, string[]>,
): boolean {
  const isTrue = (text: string) => ["true", "1"].includes(text);
  return Object.entries(filters).every(([name, values]) =>
    values.every((value) => {
      switch (name) {
        case "is-official":
          return result.isOfficial === isTrue(value);
        case "is-automated":
          return result.isAutomated === isTrue(value);
        case "stars":
          return result.starCount >= Number(value);
        default:
          return true;
      }
    }),
  );
}
