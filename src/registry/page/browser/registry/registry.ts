import { type ImageConfig, parseImageConfig } from "../model/image-config.ts";
import { object, texts } from "../model/json.ts";
import { nextPage } from "../model/link-header.ts";
import { type Descriptor, MANIFEST_TYPES, type Manifest, parseManifest } from "../model/manifest.ts";
import { isDigest, isName, isTag } from "../model/route.ts";
import { createMemory } from "./memory.ts";
import { RequestFailed } from "./request-failed.ts";
import type { Answer, Send } from "./transport.ts";

export interface Page {
  items: string[];
  /** What to give for the page after it; undefined at the end. */
  next: string | undefined;
}

export interface Stored {
  digest: string;
  manifest: Manifest;
  /** As the registry holds it, byte for byte. */
  body: string;
}

/** The registry that serves this page. All may throw RequestFailed, or the AbortError of the signal. */
export interface Registry {
  repositories(next?: string, signal?: AbortSignal): Promise<Page>;
  tags(name: string, next?: string, signal?: AbortSignal): Promise<Page>;
  manifest(name: string, reference: string, signal?: AbortSignal): Promise<Stored>;
  config(name: string, digest: string, signal?: AbortSignal): Promise<ImageConfig>;
  /** What names this manifest as its subject: from the API, or from the fallback tag where the registry has none. */
  referrers(name: string, digest: string, signal?: AbortSignal): Promise<Descriptor[]>;
  /** A tag: only that name goes. A digest: the manifest goes, with every tag that names it. */
  remove(name: string, reference: string): Promise<void>;
}

/** Names asked for at a time: enough to fill any screen, quick on any registry. */
const PAGE_NAMES = 100;
/** More referrers than a person reads. */
const REFERRER_PAGES = 10;
/** Documents by digest that are kept: they cannot change. */
const MEMORY_DOCUMENTS = 400;

interface Listing {
  path: string;
  scope: string;
  /** The field of the answer that holds the names. */
  field: string;
  valid: (name: string) => boolean;
}

export function createRegistry(send: Send, base: string): Registry {
  let memory = createMemory<unknown>(MEMORY_DOCUMENTS);
  let hasReferrersApi = true;
  const scopeOf = (name: string, actions = "pull") => `repository:${name}:${actions}`;
  /** Digests come out of documents that anybody may push: what is none would name another path. */
  const pathOf = (name: string, kind: "manifests" | "blobs" | "referrers", reference: string) => {
    const valid = isDigest(reference) || (kind === "manifests" && isTag(reference));
    if (!valid) throw new RequestFailed({ kind: "broken", what: "It names content by something that is no digest." });
    return `/v2/${name}/${kind}/${reference}`;
  };

  async function page(listing: Listing, signal?: AbortSignal): Promise<Page> {
    const answer = await send({ path: listing.path, scope: listing.scope, signal });
    const fields = readable("The list is no JSON.", () => object(JSON.parse(answer.body)));
    // A name outside the grammar could be neither asked for nor linked to.
    return { items: texts(fields[listing.field]).filter(listing.valid), next: nextPage(answer.header("Link"), base) };
  }

  async function referrersFrom(path: string, scope: string, signal?: AbortSignal): Promise<Descriptor[]> {
    const found: Descriptor[] = [];
    let next: string | undefined = path;
    for (let page = 0; next !== undefined && page < REFERRER_PAGES; page++) {
      const answer: Answer = await send({ path: next, scope, signal });
      found.push(...manifestsOf(toStored(answer, "")));
      next = nextPage(answer.header("Link"), base);
    }
    return found;
  }

  async function manifest(name: string, reference: string, signal?: AbortSignal): Promise<Stored> {
    const fetchIt = async (): Promise<Stored> => {
      const path = pathOf(name, "manifests", reference);
      const answer = await send({ path, accept: MANIFEST_TYPES.join(", "), scope: scopeOf(name), signal });
      return toStored(answer, reference);
    };
    if (!isDigest(reference)) return fetchIt();
    return (await memory(`${name}@${reference}`, fetchIt)) as Stored;
  }

  return {
    repositories: (next, signal) => {
      const path = next ?? `/v2/_catalog?n=${PAGE_NAMES}`;
      return page({ path, scope: "registry:catalog:*", field: "repositories", valid: isName }, signal);
    },
    tags: (name, next, signal) => {
      const path = next ?? `/v2/${name}/tags/list?n=${PAGE_NAMES}`;
      return page({ path, scope: scopeOf(name), field: "tags", valid: isTag }, signal);
    },
    manifest,
    config: async (name, digest, signal) => {
      const fetchIt = async () => {
        const answer = await send({ path: pathOf(name, "blobs", digest), scope: scopeOf(name), signal });
        return readable("The image's config is no JSON.", () => parseImageConfig(answer.body));
      };
      return (await memory(`${name}#${digest}`, fetchIt)) as ImageConfig;
    },
    referrers: async (name, digest, signal) => {
      if (hasReferrersApi) {
        const path = pathOf(name, "referrers", digest);
        const found = await referrersFrom(path, scopeOf(name), signal).catch(unlessMissing);
        if (found !== undefined) return found;
        hasReferrersApi = false;
      }
      // @see OCI distribution-spec "Referrers Tag Schema"
      const fallback = await manifest(name, digest.replace(":", "-"), signal).catch(unlessMissing);
      return fallback === undefined ? [] : manifestsOf(fallback);
    },
    remove: async (name, reference) => {
      const path = pathOf(name, "manifests", reference);
      await send({ path, method: "DELETE", scope: scopeOf(name, "delete,pull") });
      memory = createMemory(MEMORY_DOCUMENTS);
    },
  };
}

function manifestsOf({ manifest }: Stored): Descriptor[] {
  return manifest.form === "index" ? manifest.manifests : [];
}

function toStored(answer: Answer, reference: string): Stored {
  const type = (answer.header("Content-Type") ?? "").split(";")[0] ?? "";
  const manifest = readable("The manifest is no JSON.", () => parseManifest(answer.body, type));
  return { digest: answer.header("Docker-Content-Digest") ?? reference, manifest, body: answer.body };
}

/** For `catch`: what the registry does not hold is undefined, other failures stay failures. */
export function unlessMissing(error: unknown): undefined {
  if (error instanceof RequestFailed && error.failure.kind === "answer" && error.failure.status === 404)
    return undefined;
  throw error;
}

function readable<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch {
    throw new RequestFailed({ kind: "broken", what });
  }
}
