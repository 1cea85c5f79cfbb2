/** What the frames of a build stream (`build-stream.ts`) hold, where it is JSON. */

export type WireContextSource =
  /** A directory of the client, asked for by `Name`. */
  | { Kind: "session"; Name: string; SharedKey: string }
  /** The client sends an archive, or a Dockerfile, when it is asked for `Name`. */
  | { Kind: "archive"; Name: string }
  | { Kind: "http" | "git"; Url: string }
  /** An image in a layout of the client, which it calls `Store`. */
  | { Kind: "layout"; Store: string; Digest: string }
  | { Kind: "image"; Reference: string };

export interface WireCacheSpec {
  Type: string;
  Attributes: Record<string, string>;
}

export interface WireOutput {
  Type: string;
  /** By which the server opens the stream of it. */
  Id: string;
  Names: string[];
  Push: boolean;
  Attributes: Record<string, string>;
}

/** @see SolveRequest in src/builder/builder.ts for what the fields mean. */
export interface WireBuildRequest {
  Ref: string;
  /** For people, in the history. */
  Name: string;
  /** "": a build. */
  Call: string;
  Context: WireContextSource | null;
  Dockerfile: WireContextSource | null;
  /** Files of the context that will be asked for first: base64 by path; null: it is not there. Absent: they have to be asked for. */
  FirstFiles?: Record<string, string | null>;
  NamedContexts: Record<string, WireContextSource>;
  FileName: string;
  Target: string;
  Platforms: string[];
  BuildArgs: Record<string, string>;
  Labels: Record<string, string>;
  /** null: the cache is used; empty: for no stage. */
  NoCache: string[] | null;
  Pull: boolean;
  CacheFrom: WireCacheSpec[];
  CacheTo: WireCacheSpec[];
  Outputs: WireOutput[];
  Network: string;
  ExtraHosts: string[];
  ShmSize: number;
  Ulimits: { Name: string; Soft: number; Hard: number }[];
  CgroupParent: string;
  Resources: WireBuildResources;
  Entitlements: string[];
  Squash: boolean;
  EpochSeconds: number | null;
  Attestations: WireAttestations;
}

export interface WireAttestations {
  /** `min`, `max`; "": none. */
  Provenance: string;
  /** Of its predicate: `v0.2`, `v1`; "": the daemon's. */
  ProvenanceVersion: string;
  BuilderId: string;
  Reproducible: boolean;
  Sbom: boolean;
}

/** 0 and "": no limit. */
export interface WireBuildResources {
  Memory: number;
  MemorySwap: number;
  CpuShares: number;
  CpuPeriod: number;
  CpuQuota: number;
  CpusetCpus: string;
  CpusetMems: string;
}

export type WireBuildQuestion =
  | { Kind: "secret" | "agent"; Id: string }
  | { Kind: "credentials"; Host: string }
  /** Whether the directory of a cache has this blob. */
  | { Kind: "blob"; Layout: string; Digest: string };

export interface WireAccount {
  Username: string;
  Password: string;
  IdentityToken: string;
}

export type WireBuildOpening =
  /** `walk-messages.ts` says what goes over it. */
  | { Kind: "walk"; Name: string; Include: string[]; Exclude: string[]; FollowPaths: string[] }
  /** The client sends it. */
  | { Kind: "archive"; Name: string }
  /** Both directions, as they come. */
  | { Kind: "agent"; Id: string }
  /** The server sends it; the client ends its side when everything is written. `directory`: a plain tar. */
  | { Kind: "output"; Id: string; Form: "archive" | "directory" }
  /** A blob of a cache's directory: the client sends it, or takes it and ends its side when it is written. */
  | { Kind: "blob"; Layout: string; Digest: string; Direction: "read" | "write" };

export interface WireBuildError {
  /** Of EngineError. */
  Kind: string;
  Message: string;
}

export interface WireLocation {
  Start: number;
  End: number;
}

export interface WireBuildWarning {
  Rule: string;
  Description: string;
  Url: string;
  Message: string;
  FileName: string;
  Locations: WireLocation[];
  /** Text of the Dockerfile; "" where it is long. */
  Source: string;
}

/** Times are milliseconds since the epoch; null: not yet. */
export interface WireVertex {
  Digest: string;
  Inputs: string[];
  Name: string;
  StartedAt: number | null;
  CompletedAt: number | null;
  Cached: boolean;
  Error: string;
  Stage: string;
  Step: string;
}

export interface WireTransfer {
  Vertex: string;
  Id: string;
  Name: string;
  Current: number;
  Total: number;
  StartedAt: number;
  CompletedAt: number | null;
}

/** Exactly one of them. */
export interface WireBuildEvent {
  Vertex?: WireVertex;
  Progress?: WireTransfer;
  /** `Data`: base64. */
  Log?: { Vertex: string; Stream: 1 | 2; Data: string; At: number };
  Warning?: { Vertex: string; Warning: WireBuildWarning };
}

export interface WireBuildResult {
  /** "": no image was made. */
  ImageId: string;
  /** `containerimage.digest`, … */
  Response: Record<string, string>;
  Warnings: WireBuildWarning[];
  /** Of `Call`. */
  Json: string;
  Text: string;
}

/** `GET /gantry/build/builder`: the one builder, the engine itself. */
export interface WireBuilder {
  Version: string;
  /** Of its own; others need an emulator on the host. */
  Platforms: string[];
  GcPolicy: { All: boolean; Filters: string[]; KeepBytes: number | null }[];
}

/** `GET /gantry/build/history`, newest first. */
export interface WireBuildRecord {
  Ref: string;
  Name: string;
  Context: string;
  Dockerfile: string;
  Target: string;
  StartedAt: number;
  CompletedAt: number | null;
  Status: "running" | "completed" | "error" | "canceled";
  Error: string;
  Steps: { Total: number; Completed: number; Cached: number; Warnings: number };
  ImageId: string;
  Platforms: string[];
}
