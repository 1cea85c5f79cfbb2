import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { blankRequest } from "../../src/api/build/solve-request.ts";
import { createSystemClock } from "../../src/base/clock.ts";
import { randomId } from "../../src/base/ids.ts";
import type { ExportResult, Output, Solved, SolvedTarget, SolveRequest } from "../../src/builder/builder.ts";
import type { BuildEvent } from "../../src/builder/events.ts";
import { createLayers } from "../../src/builder/layers/create-layers.ts";
import type { Layers } from "../../src/builder/layers/layers.ts";
import { createOutputs, type ExportOptions, type Outputs } from "../../src/builder/outputs/create-outputs.ts";
import type { TreeResult } from "../../src/builder/results.ts";
import type { BuildSession, ClientLayouts, OutgoingDirectory, RemoteEntry } from "../../src/builder/session.ts";
import { hostPlatform, type Platform } from "../../src/formats/oci/platform.ts";
import { createDistribution, type DistributionService } from "../../src/images/create-distribution.ts";
import { collect, type Fixture, openFixture } from "../images/fixture.ts";

export const SCRATCH: TreeResult = {
  kind: "tree",
  layers: [],
  chainId: undefined,
  createdAt: new Date(1_000_000),
  added: undefined,
};
export const never = new AbortController().signal;
/** Of everything that is built here, so that it is the same in each run. */
const EPOCH_SECONDS = 1_700_000_000;

/** What came to a client. */
export interface Client {
  session: BuildSession;
  archives: Record<string, Buffer>;
  /** As BuildKit's clients take a directory: names, then contents on demand. */
  directories: Record<string, { entries: RemoteEntry[]; contents: Record<string, string>; archive: Buffer }>;
  /** `<id> <digest>`. */
  blobs: Map<string, Uint8Array>;
}

/** An image store with everything that a finished build needs. */
export interface Workshop extends Fixture {
  layers: Layers;
  distribution: DistributionService;
  outputs: Outputs;
  events: string[];
  published: string[];
  /** A layer of these files on a tree; a name that ends in a slash is a directory. */
  layer(base: TreeResult, files: Record<string, string>): Promise<TreeResult>;
  /** Layers are held until then, as those of a build that is under way. */
  finish(): Promise<void>;
  export(
    solved: Solved,
    outputs: Output[],
    options?: Partial<Omit<ExportOptions, "request">> & { request?: Partial<SolveRequest> },
  ): Promise<ExportResult & { told: BuildEvent[] }>;
}

export async function openWorkshop(root?: string, failpoint: (name: string) => void = () => {}): Promise<Workshop> {
  const fixture = await openFixture(root);
  const clock = createSystemClock();
  const published: string[] = [];
  const holds: (() => void)[] = [];
  const publish = ({ action, actorId, attributes }: { action: string; actorId: string; attributes: object }) =>
    void published.push(`${action} ${actorId} ${JSON.stringify(attributes)}`);
  const distribution = createDistribution({
    ...fixture,
    publish,
    hosts: { registryMirrors: [], insecureRegistries: [], certsDirs: [] },
    limits: { downloads: 3, uploads: 5, downloadAttempts: 2, stallMs: 10_000 },
    clock,
    userAgent: "test/1",
  });
  const layers = createLayers({ ...fixture, clock, randomId, failpoint: () => {} });
  const outputs = createOutputs({ ...fixture, distribution, publish, clock, failpoint });
  return {
    ...fixture,
    layers,
    distribution,
    outputs,
    published,
    layer: (base, files) =>
      layers.fill(
        base,
        {
          epochSeconds: EPOCH_SECONDS,
          hold: (keys) => void holds.push(fixture.images.store.leases.hold(keys)),
          signal: never,
        },
        async (directory) => {
          for (const [name, text] of Object.entries(files)) {
            mkdirSync(join(directory, name.endsWith("/") ? name : dirname(name)), { recursive: true });
            if (!name.endsWith("/")) writeFileSync(join(directory, name), text);
          }
        },
      ),
    async finish() {
      for (const release of holds) release();
      await fixture.images.store.collect();
    },
    async export(solved, wanted, { request = {}, ...options } = {}) {
      const told: BuildEvent[] = [];
      const result = await outputs.export(solved, wanted, {
        ref: "build-1",
        request: { ...REQUEST, ...request },
        startedAt: new Date(1_700_000_100_000),
        cacheTo: [],
        cached: [],
        source: undefined,
        session: undefined,
        report: (event) => void told.push(event),
        signal: never,
        ...options,
      });
      return { ...result, told };
    },
  };
}

export const REQUEST: SolveRequest = blankRequest();

export function targetOf(result: TreeResult, platform: Platform = hostPlatform()): SolvedTarget {
  const created = result.createdAt.toISOString();
  const history = result.layers.map((_, at) => ({ created, created_by: `COPY part ${at}`, comment: "buildkit" }));
  return {
    platform,
    config: { ...platform, created, config: { Cmd: ["/bin/sh"], Labels: { role: "built" } }, history },
    result,
    materials: [],
  };
}

export function solvedOf(...targets: SolvedTarget[]): Solved {
  return { targets, warnings: [] };
}

export function imageOutput(names: string[], attributes: Record<string, string> = {}): Output {
  return { type: "image", names, push: false, attributes };
}

/** One that takes whatever is sent, and has directories for caches. */
export function openClient(): Client {
  const client: Omit<Client, "session"> = { archives: {}, directories: {}, blobs: new Map() };
  const refuse = async () => {
    throw new Error("not asked here");
  };
  const layouts: ClientLayouts = {
    has: async (id, digest) => client.blobs.has(`${id} ${digest}`),
    async *read(id, digest) {
      const blob = client.blobs.get(`${id} ${digest}`);
      if (blob === undefined) throw new Error(`no blob ${digest}`);
      yield blob;
    },
    write: async (id, { digest, bytes }) => void client.blobs.set(`${id} ${digest}`, await collect(bytes)),
  };
  const session: BuildSession = {
    id: "session",
    closed: never,
    hasDirectories: true,
    receive: refuse,
    secret: refuse,
    hasAgent: refuse,
    openAgent: refuse,
    credentials: async () => undefined,
    sendArchive: async (output, archive) => void (client.archives[output] = await collect(archive)),
    sendDirectory: async (output, directory) => void (client.directories[output] = await take(directory)),
    layouts,
  };
  return { ...client, session };
}

async function take(directory: OutgoingDirectory): Promise<Client["directories"][string]> {
  const entries: RemoteEntry[] = [];
  const contents: Record<string, string> = {};
  for await (const entry of directory.entries()) {
    entries.push(entry);
    if (entry.type !== "file" || entry.linkName !== "") continue;
    contents[entry.path] = (await collect(directory.read(entry.path))).toString();
  }
  return { entries, contents, archive: await collect(directory.archive()) };
}

/** A manifest, an index or one of their descriptors, as it was written. */
export interface Written {
  mediaType: string;
  digest: string;
  size: number;
  annotations: Record<string, string>;
  platform: { os: string; architecture: string };
  config: Written;
  layers: Written[];
  manifests: Written[];
}

/** An in-toto statement with the parts of its predicates that tests look at. */
export interface WrittenStatement {
  predicateType: string;
  subject: { name: string; digest: Record<string, string> }[];
  predicate: {
    packages: { name: string; versionInfo: string; externalRefs: { referenceLocator: string }[] }[];
    creationInfo: { created: string };
    buildType: string;
    materials: unknown;
    invocation: { configSource: unknown; parameters: unknown };
    metadata: { completeness: unknown };
    buildConfig: unknown;
    buildDefinition: {
      externalParameters: {
        parameters: { args: unknown; secrets: unknown };
        buildConfig: { llbDefinition: { inputs: string[] }[] };
      };
    };
    runDetails: { builder: { id: string } };
  };
}
