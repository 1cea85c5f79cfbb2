import type { SolvedTarget } from "../builder.ts";
import type { ResolvedImage, TargetPlan } from "../frontend/plan.ts";
import type { Graph, Op, VertexIndex } from "../graph.ts";
import type { TreeResult, VertexResult } from "../results.ts";
import { neededVertices } from "./vertex-keys.ts";

export interface TargetParts {
  target: TargetPlan;
  graph: Graph;
  results: Map<VertexIndex, VertexResult>;
  /** By ID. Those that other builds have made say what went into them. */
  images: ReadonlyMap<string, Pick<ResolvedImage, "materials">>;
  /** Of the base's document, where it says so. */
  baseCreatedAt: Date | undefined;
  epochSeconds: number | undefined;
  /** All layers above the base, as one. */
  squashed: TreeResult | undefined;
  now: Date;
}

/**
 * The image of one platform, as far as it is known before it is stored. Times are those of the layers: a build that finds everything in
 * the cache makes the same image again. Pure.
 */
export function solvedTarget(parts: TargetParts): SolvedTarget {
  const { target, squashed } = parts;
  const lines = historyLines(parts);
  const last = lines.at(-1)?.createdAt ?? parts.baseCreatedAt ?? fallbackTime(parts);
  const own = squashed === undefined ? lines : squashLines(lines, squashed, last);
  const history = [...target.baseHistory, ...own.map(({ document }) => document)];
  return {
    platform: target.platform,
    config: { ...target.config, created: last.toISOString(), history },
    result: squashed ?? treeOf(parts, target.vertex),
    ...(target.base === undefined ? {} : { baseImageId: target.base.imageId }),
    materials: materials(parts),
  };
}

interface Line {
  createdAt: Date;
  document: Record<string, unknown>;
}

/** A line that changes the config only has the time of the layer before it. */
function historyLines(parts: TargetParts): Line[] {
  const { target, results, baseCreatedAt, epochSeconds } = parts;
  let time = baseCreatedAt;
  return target.history.map(({ createdBy, comment, author, vertex }) => {
    const result = vertex === undefined ? undefined : results.get(vertex);
    const layer = result?.kind === "tree" ? result.added : undefined;
    if (result?.kind === "tree" && layer !== undefined) time = result.createdAt;
    if (epochSeconds !== undefined) time = new Date(epochSeconds * 1000);
    time ??= fallbackTime(parts);
    const document = {
      created: time.toISOString(),
      ...(author === "" ? {} : { author }),
      created_by: createdBy,
      ...(comment === "" ? {} : { comment }),
      ...(layer === undefined ? { empty_layer: true } : {}),
    };
    return { createdAt: time, document };
  });
}

function fallbackTime({ epochSeconds, now }: Pick<TargetParts, "epochSeconds" | "now">): Date {
  return epochSeconds === undefined ? now : new Date(epochSeconds * 1000);
}

/** As `docker build --squash`: the lines stay, without layers, and one more has them all. It is as old as the last of them. */
function squashLines(lines: Line[], { added }: TreeResult, last: Date): Line[] {
  const emptied = lines.map((line) => ({ ...line, document: { ...line.document, empty_layer: true } }));
  if (added === undefined) return emptied;
  const document = { created: last.toISOString(), created_by: "", comment: "squashed layers of the build" };
  return [...emptied, { createdAt: last, document }];
}

export function treeOf({ results }: Pick<TargetParts, "results">, index: VertexIndex): TreeResult {
  const result = results.get(index);
  if (result?.kind !== "tree") throw new Error(`vertex ${index} of the graph is no tree`);
  return result;
}

/** Images and what came from outside, each once; what a client sent has no name. */
function materials({ graph, results, images, target }: TargetParts): SolvedTarget["materials"] {
  const found = new Map<string, SolvedTarget["materials"][number]>();
  for (const index of neededVertices(graph, [target.vertex])) {
    const op = graph.vertices[index]?.op;
    const result = results.get(index);
    const origin = result?.kind === "files" ? result.source.origin : undefined;
    const own = op?.kind === "image" ? (images.get(op.imageId)?.materials ?? [imageMaterial(op)]) : [origin];
    for (const material of own) if (material !== undefined) found.set(material.uri, material);
  }
  return [...found.values()];
}

/** Of an image that no registry has, the ID is what tells it from others. */
function imageMaterial({ reference, imageId }: Extract<Op, { kind: "image" }>): SolvedTarget["materials"][number] {
  const [, digest = imageId] = reference.split("@");
  return { uri: reference, digest };
}
