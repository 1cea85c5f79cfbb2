import type { Graph, Op, Vertex, VertexIndex } from "../graph.ts";
import { neededPaths } from "./context-paths.ts";

/** Collects vertices. Vertices that do the same with the same inputs are one: stages and platforms share what they have in common. */
export interface GraphBuilder {
  add(vertex: Vertex): VertexIndex;
  /** The vertex of one of the request's contexts; `path` of it is needed ("/": all of it). */
  context(name: string, path: string): VertexIndex;
  /** Contexts that something was asked of. */
  contexts(): string[];
  /** The graph; nothing is added any more. */
  finish(): Graph;
}

/** A vertex that stands for no instruction of a stage. */
export function internalVertex(op: Op, name: string, inputs: VertexIndex[] = []): Vertex {
  return { op, inputs, name, stage: "", location: undefined, ignoreCache: false };
}

export function createGraphBuilder(): GraphBuilder {
  const vertices: Vertex[] = [];
  const byContent = new Map<string, VertexIndex>();
  const contexts = new Map<string, { index: VertexIndex; paths: Set<string> }>();

  const push = (vertex: Vertex) => vertices.push(vertex) - 1;

  return {
    add(vertex) {
      const content = JSON.stringify([vertex.op, vertex.inputs, vertex.ignoreCache]);
      const known = byContent.get(content);
      if (known !== undefined) return known;
      const index = push(vertex);
      byContent.set(content, index);
      return index;
    },
    context(name, path) {
      let known = contexts.get(name);
      if (known === undefined) {
        // What it has to bring is known when everything that copies from it has been seen.
        const op: Op = { kind: "context", name, include: [], followPaths: [] };
        known = { index: push(internalVertex(op, contextVertexName(name))), paths: new Set() };
        contexts.set(name, known);
      }
      known.paths.add(path);
      return known.index;
    },
    contexts: () => [...contexts.keys()],
    finish() {
      for (const [name, { index, paths }] of contexts) {
        const needed = neededPaths(paths);
        const vertex = vertices[index] as Vertex;
        vertices[index] = { ...vertex, op: { kind: "context", name, include: needed, followPaths: needed } };
      }
      return { vertices };
    },
  };
}

function contextVertexName(name: string): string {
  return name === "context" ? "[internal] load build context" : `[context ${name}] load from client`;
}
