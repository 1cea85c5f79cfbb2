import { type Digest, digestOf } from "../../formats/oci/digest.ts";
import type { LayerRow } from "../../storage/records/images.ts";
import type { ChainID } from "../../storage/snapshots/snapshots.ts";
import type { Graph, Op, RunOp, VertexIndex } from "../graph.ts";
import { canonicalJson } from "./canonical-json.ts";

/** Goes up whenever an executor makes something else of the same op: what was cached before is not found any more. */
const KEY_VERSION = 1;

/** What of a vertex decides its result. */
export interface KeyParts {
  op: Op;
  /** ChainIDs of the trees among its inputs that count whole: inputs[0], and of `link` inputs[1]. undefined: the empty tree. */
  trees: (ChainID | undefined)[];
  /** `copyKey` or `mountKey`; "" where there is nothing. */
  content: string;
}

/**
 * Name of a result in the cache. It knows the base by content, not by how that was made: a step that is carried out again and gives
 * the same layer leaves what follows cached. Names in JSON are in order, so that an older engine's records serve.
 */
export function cacheKey({ op, trees, content }: KeyParts): Digest {
  const parts = [KEY_VERSION, countedOp(op), trees.map((chainId) => chainId ?? ""), content];
  return digestOf(canonicalJson(parts));
}

/** ChainID of layers on a base; undefined: of nothing. */
export function chainOn(base: ChainID | undefined, layers: Pick<LayerRow, "diffId">[]): ChainID | undefined {
  return layers.reduce<ChainID | undefined>(
    (below, { diffId }) => (below === undefined ? diffId : digestOf(`${below} ${diffId}`)),
    base,
  );
}

/** The op without what two builds may have different and still mean the same. */
function countedOp(op: Op): object {
  return op.kind === "run" ? countedRun(op) : op;
}

function countedRun({ uncachedNames, resources: _resources, ...op }: RunOp): object {
  const left = new Set(uncachedNames);
  return { ...op, environment: op.environment.filter((pair) => !left.has(pair.split("=", 1)[0] ?? "")) };
}

/** Names of all vertices in events, by index: the same in every build that does the same with the same inputs. */
export function vertexDigests({ vertices }: Graph): Digest[] {
  const digests: Digest[] = [];
  for (const [index, { op, inputs }] of vertices.entries()) {
    const below = inputs.map((input) => inputDigest(digests, input, index));
    digests.push(digestOf(canonicalJson([countedOp(op), below])));
  }
  return digests;
}

function inputDigest(digests: Digest[], input: VertexIndex, user: VertexIndex): Digest {
  const digest = digests[input];
  if (digest === undefined) throw new Error(`vertex ${user} of the graph uses vertex ${input}, which is not before it`);
  return digest;
}

/** All that the wanted vertices need, themselves included, inputs before their users. */
export function neededVertices({ vertices }: Graph, wanted: VertexIndex[]): VertexIndex[] {
  const needed = new Set(wanted);
  for (let index = vertices.length - 1; index >= 0; index--)
    if (needed.has(index)) for (const input of vertices[index]?.inputs ?? []) needed.add(input);
  return [...needed].sort((left, right) => left - right);
}
