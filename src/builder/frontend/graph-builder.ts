import { invalid } from "../../base/errors.ts";
import { digestOf } from "../../formats/oci/digest.ts";
import type { Graph, Op, Vertex, VertexIndex } from "../graph.ts";
import { neededPaths } from "./context-paths.ts";

/** Characters of all documents of a Dockerfile together, variables replaced. */
const MAX_INLINE_CHARS = 64 * 1024 * 1024;

const LONG_KEY_CHARS = 4096;

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
  let inlineChars = 0;
  const contexts = new Map<string, { index: VertexIndex; paths: Set<string> }>();

  const push = (vertex: Vertex) => vertices.push(vertex) - 1;

  return {
    add(vertex) {
      const content = contentKey(vertex);
      const known = byContent.get(content);
      if (known !== undefined) return known;
      if (vertex.op.kind === "inline") inlineChars += charsOf(vertex.op);
      if (inlineChars > MAX_INLINE_CHARS)
        throw invalid(`documents are longer than ${MAX_INLINE_CHARS} characters in all`);
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

/** Long ones are digested: they would be kept in memory as long as the graph grows. */
function contentKey({ op, inputs, ignoreCache }: Vertex): string {
  const text = JSON.stringify([op, inputs, ignoreCache]);
  return text.length > LONG_KEY_CHARS ? digestOf(text) : text;
}

function charsOf({ files }: Extract<Op, { kind: "inline" }>): number {
  return files.reduce((sum, { content }) => sum + content.length, 0);
}

function contextVertexName(name: string): string {
  return name === "context" ? "[internal] load build context" : `[context ${name}] load from client`;
}
