import { EngineError, isKind } from "../../base/errors.ts";
import { SharedJobs } from "../../base/shared-jobs.ts";
import { MAX_CONFIG_BYTES } from "../../formats/oci/config.ts";
import { formatPlatform, type Platform, platformServes } from "../../formats/oci/platform.ts";
import {
  canonicalReference,
  parseReference,
  type Reference,
  withDefaultTag,
} from "../../formats/reference/reference.ts";
import { keysOf } from "../../images/collect.ts";
import type { ImagesService } from "../../images/create-images.ts";
import type { Distribution, RegistryCredentials } from "../../images/distribution.ts";
import type { ProgressMessage } from "../../images/images.ts";
import type { Entry } from "../../images/library.ts";
import { choosePlatform } from "../../images/pull/choose-platform.ts";
import type { Content } from "../../storage/content/content.ts";
import type { ResolvedImage } from "../frontend/plan.ts";

export interface ResolverDeps {
  images: Pick<ImagesService, "library">;
  distribution: Pick<Distribution, "pull">;
  content: Pick<Content, "read">;
}

export interface ResolveRequest {
  reference: string;
  platform: Platform;
  /** Ask the registry even if it is here. */
  pull: boolean;
  credentials: (host: string, signal: AbortSignal) => Promise<RegistryCredentials | undefined>;
  report: (message: ProgressMessage) => void;
  /** Keeps what it stands on until the build is over. */
  hold: (keys: string[]) => void;
  signal: AbortSignal;
}

/** Finds the images that builds stand on, and brings those that are not here: each once, however many builds wait for it. */
export interface ImageResolver {
  /** Throws not-found in Docker's words. */
  resolve(request: ResolveRequest): Promise<ResolvedImage>;
}

export function createImageResolver(deps: ResolverDeps): ImageResolver {
  const pulls = new SharedPulls(deps.distribution);
  return {
    async resolve(request) {
      const { library } = deps.images;
      const here = findHere(library, request);
      const entry = here !== undefined && !request.pull ? here : await bring(deps, pulls, request);
      request.hold(keysOf(entry.row));
      const { config } = entry.document;
      const document = JSON.parse(new TextDecoder().decode(await deps.content.read(entry.row.id, MAX_CONFIG_BYTES)));
      const { os, architecture, variant } = config;
      return {
        row: entry.row,
        reference: nameOf(library, request.reference, entry),
        document: document as Record<string, unknown>,
        platform: { os, architecture, ...(variant === undefined ? {} : { variant }) },
      };
    },
  };
}

type Library = ResolverDeps["images"]["library"];

/** The one for the platform among those that the name stands for. An image that does not say its own serves any. */
function findHere(
  library: Library,
  { reference, platform }: Pick<ResolveRequest, "reference" | "platform">,
): Entry | undefined {
  const variants = variantsOf(library, reference);
  const chosen = choosePlatform(
    variants.map((entry) => ({ entry, platform: entry.document.config })),
    platform,
  );
  return chosen?.entry ?? variants.find(({ document }) => document.config.architecture === "");
}

/** Also by its ID, which becomes a name on the way here: `FROM 1a2b3c4d5e6f`, `FROM sha256:…`. */
function variantsOf(library: Library, reference: string): Entry[] {
  const [, id] =
    /^docker\.io\/library\/(?:([a-f0-9]{12,64}):latest|sha256:([a-f0-9]{64}))$/.exec(reference)?.filter(Boolean) ?? [];
  for (const text of [reference, ...(id === undefined ? [] : [id])]) {
    try {
      return library.variants(text);
    } catch (error) {
      if (!isKind(error, "not-found")) throw error;
    }
  }
  return [];
}

async function bring(
  { images: { library } }: ResolverDeps,
  pulls: SharedPulls,
  request: ResolveRequest,
): Promise<Entry> {
  const parsed = withDefaultTag(parseReference(request.reference));
  const before = library.holder(parsed);
  const target = library.targetOf(parsed);
  await pulls.pull(parsed, request);
  const pulled = findHere(library, request);
  if (pulled === undefined)
    throw new EngineError(
      "not-found",
      `${request.reference}: no match for platform in manifest: ${formatPlatform(request.platform)} not found`,
    );
  // Another platform's image of the same index must not take the name from the one that people run.
  const owner = before === undefined ? undefined : library.get(before);
  const isOther = owner !== undefined && !platformServes(request.platform, owner.document.config);
  if (isOther && target !== undefined && library.targetOf(parsed) === target) library.tag(owner.row.id, parsed, target);
  return pulled;
}

/** Canonical; of a registry's image with the digest that the name had there. */
function nameOf(library: Library, text: string, entry: Entry): string {
  if (entry.row.id.startsWith(text)) return text;
  const parsed = withDefaultTag(parseReference(text));
  if (parsed.digest !== undefined) return canonicalReference(parsed);
  const target = library.targetOf(parsed);
  return target === undefined ? canonicalReference(parsed) : `${canonicalReference(parsed)}@${target}`;
}

/** Several builds that want one image: one pull, whose progress all of them see. */
class SharedPulls {
  readonly #jobs = new SharedJobs<void>();
  readonly #listeners = new Map<string, Set<(message: ProgressMessage) => void>>();
  readonly #distribution: Pick<Distribution, "pull">;

  constructor(distribution: Pick<Distribution, "pull">) {
    this.#distribution = distribution;
  }

  async pull(reference: Reference, { platform, credentials, report, signal }: ResolveRequest): Promise<void> {
    const account = await credentials(reference.domain, signal);
    // Somebody else's account says nothing about what this one may have.
    const key = JSON.stringify([canonicalReference(reference), formatPlatform(platform), account ?? null]);
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners.add(report));
    try {
      await this.#jobs.run(key, signal, (own) =>
        this.#distribution.pull(canonicalReference(reference), {
          allTags: false,
          platform: formatPlatform(platform),
          ...(account === undefined ? {} : { credentials: account }),
          report: (message) => {
            for (const listener of listeners) listener(message);
          },
          signal: own,
        }),
      );
    } finally {
      listeners.delete(report);
      if (listeners.size === 0) this.#listeners.delete(key);
    }
  }
}
