import type { Location, RunMount } from "../formats/dockerfile/instructions.ts";
import type { Platform } from "../formats/oci/platform.ts";

/**
 * What a build has to do, as a value: operations on file trees, each with the vertices whose results it uses. Instructions that only
 * change the config (ENV, CMD, …) are not in it. Made by `frontend/`, carried out by `solver/`. Inputs come before their users.
 */
export interface Graph {
  vertices: Vertex[];
}

/** Position in `Graph.vertices`. */
export type VertexIndex = number;

export interface Vertex {
  op: Op;
  inputs: VertexIndex[];
  /** As progress shows it: `[build 2/5] RUN make`. */
  name: string;
  /** Its stage and step, for `Step 2/5` of the classic protocol and for the drawing. Empty stage: internal. */
  stage: string;
  /** Instructions of the Dockerfile that it stands for, for excerpts in errors. */
  location: Location | undefined;
  /** Not looked up in the cache (`--no-cache`, `--no-cache-filter`). */
  ignoreCache: boolean;
}

/**
 * Results are trees (stacks of layers) for `scratch`, `image`, `run`, `copy`, `mkdir` and `link`, and file sources for the others.
 * An op holds everything that decides its result besides its inputs, and nothing else: its JSON is part of the cache key.
 */
export type Op =
  /** The empty tree. */
  | { kind: "scratch" }
  /** An image that is here (the frontend has resolved and brought it). */
  | { kind: "image"; imageId: string; reference: string; platform: Platform }
  | SourceOp
  | RunOp
  | CopyOp
  /** WORKDIR: makes the directory, and those above, if it is not there. inputs: [tree]. */
  | { kind: "mkdir"; path: string; mode: number; owner: Owner | undefined; epochSeconds: number | undefined }
  /** Layers of inputs[1], which stand on nothing, put on top of the tree inputs[0] (`COPY --link`). */
  | { kind: "link" };

/** Files that come from outside. No inputs. */
export type SourceOp =
  /** A context of the request: `context`, `dockerfile` or a named one. Only what `include` selects is transferred, if it can be left out. */
  | { kind: "context"; name: string; include: string[]; followPaths: string[] }
  | { kind: "http"; url: string; checksum: string | undefined; fileName: string }
  | {
      kind: "git";
      remote: string;
      ref: string;
      subdirectory: string;
      keepGitDirectory: boolean;
      checksum: string | undefined;
      /** `?submodules=false`: they are not fetched. Absent: they are. */
      submodules?: false;
    }
  /** Content of the Dockerfile itself. `mode` 0644. */
  | { kind: "inline"; files: { name: string; content: string }[] };

export interface RunOp {
  kind: "run";
  argv: string[];
  /** `NAME=value`; everything that is in the environment, in order, ARGs included. */
  environment: string[];
  /** Names in `environment` that do not count for the cache: predefined proxy arguments. */
  uncachedNames: string[];
  workingDirectory: string;
  user: string;
  network: "default" | "none" | "host";
  security: "sandbox" | "insecure";
  devices: string[];
  mounts: RunOpMount[];
  /** Content on standard input; undefined: nothing. */
  stdin?: string;
  hostname: string;
  /** `name:address`. */
  extraHosts: string[];
  shmSizeBytes: number | undefined;
  ulimits: { name: string; soft: number; hard: number }[];
  cgroupParent: string;
  resources: BuildResources;
  /** Later modification times in the new layer become this one. */
  epochSeconds: number | undefined;
  platform: Platform;
}

/** Limits of every RUN of a build; absent: none. They do not count for the cache. */
export interface BuildResources {
  memoryBytes?: number;
  memorySwapBytes?: number;
  cpuShares?: number;
  cpuPeriodUs?: number;
  cpuQuotaUs?: number;
  cpusetCpus?: string;
  cpusetMems?: string;
}

/**
 * `mount.target` is absolute. `input`: place in `Vertex.inputs` of what is mounted (bind; cache with `from`); undefined: nothing.
 * inputs[0] of a run is its root.
 */
export interface RunOpMount {
  mount: RunMount;
  input: number | undefined;
}

/** ADD and COPY of one instruction. inputs[0]: the tree that is copied into; the others are what `sources` name. */
export interface CopyOp {
  kind: "copy";
  sources: CopySource[];
  /** Absolute; ends in a slash where it must be a directory. */
  destination: string;
  owner: Owner | undefined;
  /** Octal or symbolic, as written. */
  mode: string | undefined;
  parents: boolean;
  /** Patterns of .dockerignore's kind, relative to each source. */
  exclude: string[];
  epochSeconds: number | undefined;
}

export interface CopySource {
  /** Place in `Vertex.inputs`. */
  input: number;
  /** Below the input's root; may have wildcards. For `http`, `git` and `inline` sources: what of them. */
  path: string;
  wildcards: boolean;
  /** Archives among the sources become what they hold. "detect": if they are one (ADD of local files). */
  unpack: "never" | "detect" | "always";
  /** A name that is not there is no error (a wildcard that matches nothing is one all the same). */
  optional: boolean;
}

/** As written: names are looked up in the tree that is copied into. */
export interface Owner {
  user: string;
  group: string | undefined;
}
