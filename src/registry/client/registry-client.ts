import type { Clock } from "../../base/clock.ts";
import type { Digest } from "../../formats/oci/digest.ts";
import type { Reference } from "../../formats/reference/reference.ts";
import { createAuthorizer } from "./authorizer.ts";
import type { Credentials } from "./credentials.ts";
import { createHosts, type HostsConfig } from "./hosts.ts";
import { login } from "./login.ts";
import { openRepository } from "./repository.ts";
import { type FoundRepository, search } from "./search.ts";
import { Servers, type SessionDeps } from "./session.ts";
import { TIMEOUTS, type Timeouts } from "./timeouts.ts";

/** A manifest or index as a registry gave it: `digest` is of these bytes, and is the one that was asked for if it was by digest. */
export interface RemoteDocument {
  mediaType: string;
  digest: Digest;
  bytes: Uint8Array;
}

/** A blob from `offset` on. Nothing of it is verified. */
export interface RemoteBlob {
  /** May be 0 where a later one was asked for: not every server continues. */
  offset: number;
  /** Of the whole blob, as far as the server says. */
  totalBytes: number | undefined;
  body: AsyncIterable<Uint8Array>;
}

export interface BlobOptions {
  offset: number;
  /** As the descriptor has it. */
  sizeBytes?: number;
  /** Ask the registry itself: its mirrors have failed in the middle. */
  pastMirrors?: boolean;
  signal: AbortSignal;
}

/** Bytes to upload; each call begins anew, at `offset`. */
export type UploadSource = { sizeBytes: number; from(offset: number): AsyncIterable<Uint8Array> };

/** One repository, as one account sees it. Throws RegistryError, ConnectionError, or invalid-argument for answers that lie. */
export interface Repository {
  /** `reference`: a tag or a digest. */
  manifest(reference: string, signal: AbortSignal): Promise<RemoteDocument>;
  /** Throws invalid-argument where the registry itself says that it has another number of bytes than `sizeBytes`. */
  /** What a tag stands for there, without asking for it; undefined where the registry does not say. */
  digestOf(tag: string, signal: AbortSignal): Promise<Digest | undefined>;
  blob(digest: Digest, options: BlobOptions): Promise<RemoteBlob>;
  hasBlob(digest: Digest, signal: AbortSignal): Promise<boolean>;
  /** Tags in the registry's order. */
  tags(signal: AbortSignal): Promise<string[]>;
  /** True: the blob is here now, taken from the other repository of this registry. */
  mount(digest: Digest, from: string, signal: AbortSignal): Promise<boolean>;
  upload(digest: Digest, source: UploadSource, signal: AbortSignal): Promise<void>;
  putManifest(reference: string, document: RemoteDocument, signal: AbortSignal): Promise<void>;
}

export interface Access {
  credentials: Credentials | undefined;
  actions: "pull" | "pull,push";
  /** Other repositories of the registry that blobs are to be mounted from. */
  mountFrom?: string[];
  /** Sent with each request. */
  headers?: Record<string, string>;
}

export interface RegistryClient {
  repository(name: Pick<Reference, "domain" | "path">, access: Access): Repository;
  /** An identity token, "" where the registry gives none. `domain`: of references, `docker.io` for Docker Hub. Throws unauthorized. */
  login(domain: string, credentials: Credentials, signal: AbortSignal): Promise<string>;
  /** Names below `domain`, by the registry's search or, where it has none, by its catalogue. */
  search(
    domain: string,
    query: { term: string; limit: number },
    access: { credentials: Credentials | undefined; signal: AbortSignal },
  ): Promise<FoundRepository[]>;
}

export interface RegistryClientDeps {
  config: HostsConfig;
  clock: Pick<Clock, "monotonicMs" | "now" | "sleep">;
  userAgent: string;
  timeouts?: Timeouts;
}

/** Throws invalid-argument for settings that are none. */
export function createRegistryClient(options: RegistryClientDeps): RegistryClient {
  const { config, clock, userAgent, timeouts = TIMEOUTS } = options;
  const deps: SessionDeps = {
    hosts: createHosts(config),
    authorizer: createAuthorizer({ clock, timeouts }),
    userAgent,
    timeouts,
    clock,
  };
  const servers = new Servers(deps);
  return {
    repository: (name, access) => openRepository({ deps, servers }, name, access),
    login: (domain, credentials, signal) => login({ deps, servers }, { domain, credentials, signal }),
    search: (domain, query, access) => search({ deps, servers }, { domain, ...query, ...access }),
  };
}
