import type { Descriptor } from "../formats/oci/descriptor.ts";
import type { Platform } from "../formats/oci/platform.ts";
import type { ProgressMessage } from "./images.ts";

/** What a client knows of its account at one registry: at most one of password, identity token and registry token is used. */
export interface RegistryCredentials {
  username: string;
  password: string;
  /** Registry that they are for; "" where the reference says it. Docker Hub is `https://index.docker.io/v1/`. */
  serverAddress: string;
  /** An OAuth2 refresh token. */
  identityToken: string;
  /** A bearer token that is sent as it is. */
  registryToken: string;
}

export interface TransferOptions {
  /** os/architecture[/variant]; undefined: the host's (pull), what there is (push). */
  platform?: string;
  /** undefined: anonymous. */
  credentials?: RegistryCredentials;
  /** `X-Meta-…` of the client's request, for the registry. */
  metaHeaders?: Record<string, string>;
  report: (message: ProgressMessage) => void;
  signal: AbortSignal;
}

export interface SearchResult {
  name: string;
  description: string;
  starCount: number;
  isOfficial: boolean;
  isAutomated: boolean;
}

/** A manifest or an index as the registry has it: `bytes` hash to `digest`. */
export interface RemoteManifest {
  mediaType: string;
  digest: string;
  bytes: Uint8Array;
}

/** `insecure`: plain HTTP, or a certificate that nobody vouches for, is good enough for this one call. */
export type ManifestOptions = Pick<TransferOptions, "credentials" | "signal"> & { insecure: boolean };

export interface RemoteImage {
  /** What the reference names: a manifest or an index. */
  descriptor: Descriptor;
  platforms: Platform[];
}

/**
 * Images between this engine and registries. `reference`: as users write it. Errors of a registry keep their class: not-found
 * (`manifest for x not found: manifest unknown: …`, `pull access denied for x, …`), unauthorized, forbidden, unavailable (429, 5xx).
 */
export interface Distribution {
  /**
   * A tag, a digest, or with `allTags` every tag of a repository. Progress in Docker's words, `Status: …` last. As soon as the manifest
   * is there, `aux` tells the sizes of the layers (wire/progress.ts `LayerSizes`): our command line shows from it what is left.
   */
  pull(reference: string, options: TransferOptions & { allTags: boolean }): Promise<void>;
  /** `tag` "" or absent: all tags of the repository that are here. */
  push(repository: string, options: TransferOptions & { tag?: string }): Promise<void>;
  /** Asks the registry; nothing is stored. */
  inspect(reference: string, options: ManifestOptions): Promise<RemoteImage>;
  /** The document that the reference names. Nothing is stored. Not longer than a manifest may be. */
  manifest(reference: string, options: ManifestOptions): Promise<RemoteManifest>;
  /**
   * Stores a document under a tag. `sources`: repositories of the same registry, from which manifests that it names and that are
   * not in this repository are brought over, their blobs mounted. Returns its digest.
   */
  putManifest(
    reference: string,
    manifest: Pick<RemoteManifest, "mediaType" | "bytes">,
    options: ManifestOptions & { sources: { repository: string; digest: string }[] },
  ): Promise<string>;
  /** `term` may begin with a registry's host. Filters: is-official is-automated stars. */
  search(
    term: string,
    options: { limit: number; filters: Record<string, string[]> } & Pick<TransferOptions, "credentials" | "signal">,
  ): Promise<SearchResult[]>;
  /** Checks credentials. Throws unauthorized. `identityToken` is "" where the registry gives none. */
  login(credentials: RegistryCredentials, signal: AbortSignal): Promise<{ status: string; identityToken: string }>;
}
