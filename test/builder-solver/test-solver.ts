import { createSystemClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/logger.ts";
import type { BuildEvent } from "../../src/builder/events.ts";
import type { Executor, OpContext } from "../../src/builder/executor.ts";
import type { Graph, Op, RunOp, Vertex } from "../../src/builder/graph.ts";
import type { TreeResult, VertexResult } from "../../src/builder/results.ts";
import { createBudget } from "../../src/builder/solver/budget.ts";
import { createBuildCache } from "../../src/builder/solver/build-cache.ts";
import type { BuildScope } from "../../src/builder/solver/carry-out.ts";
import { SharedVertices } from "../../src/builder/solver/shared-vertices.ts";
import { type SolveDeps, solveGraph } from "../../src/builder/solver/solve-graph.ts";
import { chainOn } from "../../src/builder/solver/vertex-keys.ts";
import { digestOf } from "../../src/formats/oci/digest.ts";
import type { BuildCacheRecords, BuildCacheRow } from "../../src/storage/records/build-cache.ts";
import { runOp as anyRun } from "../harness/run-op.ts";

/** Steps of tests: a RUN of which only the command matters. */
export function runOp(command: string): RunOp {
  return anyRun({ argv: [command], environment: [], platform: { os: "linux", architecture: "amd64" } });
}

export function vertexOf(op: Op, inputs: number[] = [], more: Partial<Vertex> = {}): Vertex {
  const name = op.kind === "run" ? `[1/1] RUN ${op.argv.join(" ")}` : op.kind;
  return { op, inputs, name, stage: "stage-0", location: undefined, ignoreCache: false, ...more };
}

/** RUNs one on top of the other, on nothing; the last vertex is the result. */
export function chainGraph(...commands: string[]): Graph {
  return {
    vertices: [vertexOf({ kind: "scratch" }), ...commands.map((command, at) => vertexOf(runOp(command), [at]))],
  };
}

/** A layer on `base` that holds `content`. */
export function layerOn(base: TreeResult, content: string): TreeResult {
  const diffId = digestOf(content);
  const added = {
    diffId,
    digest: diffId,
    sizeBytes: content.length,
    mediaType: "application/vnd.oci.image.layer.v1.tar",
  };
  const layers = [...base.layers, added];
  return { kind: "tree", layers, chainId: chainOn(base.chainId, [added]), createdAt: new Date(), added };
}

export type RunFake = (command: string, base: TreeResult, context: OpContext) => Promise<TreeResult>;

/** A solver whose RUNs are a function, over a store that is a set of chainIDs. */
export class TestSolver {
  readonly layers = new Set<string>();
  readonly records = memoryRecords();
  readonly events: BuildEvent[] = [];
  readonly ran: string[] = [];
  run: RunFake = async (command, base) => layerOn(base, command);
  copyKey: (op: Extract<Op, { kind: "copy" }>) => Promise<string> = async () => "files";
  readonly clock = createSystemClock();
  readonly cache = createBuildCache({
    records: this.records,
    snapshots: { has: (chainId) => this.layers.has(chainId) },
    clock: this.clock,
    logger: silentLogger,
  });
  readonly deps: SolveDeps = {
    executor: this.#executor(),
    cache: this.cache,
    shared: new SharedVertices(),
    budget: createBudget({ cpuCount: 4, memoryBytes: 16 * 2 ** 30 }),
    grown: () => {},
    failpoint: () => {},
    clock: this.clock,
  };

  /** Results of the wanted vertices: by default of the last. */
  async solve(graph: Graph, options: Partial<SolveTestOptions> = {}): Promise<TreeResult> {
    const wanted = options.wanted ?? [graph.vertices.length - 1];
    const report = options.report ?? ((event: BuildEvent) => void this.events.push(event));
    const signal = options.signal ?? new AbortController().signal;
    const results = await solveGraph(this.deps, this.scope(options.scope), { graph, wanted, report, signal });
    return results.get(wanted[0] as number) as TreeResult;
  }

  scope(more: Partial<BuildScope> = {}): BuildScope {
    return {
      buildId: "build",
      session: undefined,
      resources: {},
      cacheMountNamespace: "",
      context: async () => ({ kind: "files", source: { directory: "/", entries: [], origin: undefined } }),
      image: () => ({ kind: "tree", layers: [], chainId: "sha256:base", createdAt: new Date(0), added: undefined }),
      importer: undefined,
      keyed: () => {},
      hold: () => {},
      lend: () => {},
      ...more,
    };
  }

  #executor(): Executor {
    const made = (result: TreeResult) => {
      if (result.chainId !== undefined) this.layers.add(result.chainId);
      return result;
    };
    const baseOf = (inputs: VertexResult[]) => inputs[0] as TreeResult;
    return {
      source: async () => ({ kind: "files", source: { directory: "/", entries: [], origin: undefined } }),
      copy: async (op, inputs) => {
        this.ran.push(`COPY ${op.destination}`);
        return made(layerOn(baseOf(inputs), `copy ${await this.copyKey(op)}`));
      },
      mkdir: async (op, base) => made(layerOn(base, op.path)),
      link: async (base, top) => made(layerOn(base, String(top.chainId))),
      run: async (op, inputs, context) => {
        const [command = ""] = op.argv;
        this.ran.push(command);
        return made(await this.run(command, baseOf(inputs), context));
      },
      copyKey: (op) => this.copyKey(op),
      mountKey: async () => "",
    };
  }
}

interface SolveTestOptions {
  wanted: number[];
  report: (event: BuildEvent) => void;
  signal: AbortSignal;
  scope: Partial<BuildScope>;
}

export function memoryRecords(): BuildCacheRecords & { rows: Map<string, BuildCacheRow> } {
  const rows = new Map<string, BuildCacheRow>();
  return {
    rows,
    all: () => [...rows.values()],
    write({ put, deleted }) {
      for (const key of deleted) rows.delete(key);
      for (const row of put) rows.set(row.key, row);
    },
  };
}
