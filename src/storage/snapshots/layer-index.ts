import { mkdirSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { EngineError } from "../../base/errors.ts";
import type { LinkOrigin } from "./links/link-origins.ts";
import { UNSETTLED_FILE } from "./settling.ts";
import type { ChainID } from "./snapshots.ts";

/** A committed layer's directory is `<number>/`: short names, so that hundreds of them fit the page of mount options. */
export interface Layer {
  number: number;
  chainId: ChainID;
  parent: ChainID | undefined;
  sizeBytes: number;
  /** See `CommittedLayer.sealed`. */
  sealed: boolean;
  /** See `CommittedLayer.linkedFrom`. */
  linkedFrom: LinkOrigin[];
  /** Root directory's attributes, which a writable layer on top repeats. */
  root: { mode: number; uid: number; gid: number };
}

export interface Active {
  parent: ChainID | undefined;
  volatile: boolean;
}

/** What is on disk of the snapshots, read once at start. The directories are the truth; there is no other index to lose. */
export interface LayerIndex {
  layers: Map<ChainID, Layer>;
  actives: Map<string, Active>;
  /** Layers that were being made durable when the machine ended: their files may not be what they were. */
  doubtful: Set<ChainID>;
  /** Directories of layers that still have to be made durable. */
  unsettled: string[];
  /** Names of directories that a crash left behind: staged layers, half-made active ones, old trash. */
  leftovers: string[];
  lastNumber: number;
}

export const LAYER_FILE = "layer.json";
export const ACTIVE_DIRECTORY = "active";
export const TRASH_DIRECTORY = "trash";
export const EMPTY_DIRECTORY = "empty";
export const PARENT_LINK = "parent";
const NO_PARENT = "none";

export function readLayerIndex(root: string, bootId: string): LayerIndex {
  for (const name of ["", ACTIVE_DIRECTORY, TRASH_DIRECTORY, EMPTY_DIRECTORY]) {
    mkdirSync(join(root, name), { recursive: true, mode: name === EMPTY_DIRECTORY ? 0o755 : 0o700 });
  }
  const index: LayerIndex = {
    layers: new Map(),
    actives: new Map(),
    doubtful: new Set(),
    unsettled: [],
    leftovers: [],
    lastNumber: 0,
  };
  for (const name of readdirSync(root)) {
    const number = /^(?:staged-)?([1-9]\d*)$/.exec(name)?.[1];
    if (number === undefined) continue;
    index.lastNumber = Math.max(index.lastNumber, Number(number));
    const layer = name === number ? readLayer(root, Number(number)) : undefined;
    if (layer === undefined || index.layers.has(layer.chainId)) {
      index.leftovers.push(name);
      continue;
    }
    index.layers.set(layer.chainId, layer);
    const mark = readMark(join(root, name));
    if (mark === bootId) index.unsettled.push(name);
    else if (mark !== undefined) index.doubtful.add(layer.chainId);
  }
  dropOrphans(index);
  readActives(root, index);
  return index;
}

/** `<parent's number>[,volatile]`, the target of an active snapshot's link: one atomic system call stores it. */
export function encodeParent(parentNumber: number | undefined, volatile: boolean): string {
  return `${parentNumber ?? NO_PARENT}${volatile ? ",volatile" : ""}`;
}

export function encodeLayer(layer: Layer): string {
  return JSON.stringify({
    chainId: layer.chainId,
    ...(layer.parent === undefined ? {} : { parent: layer.parent }),
    sizeBytes: layer.sizeBytes,
    ...(layer.sealed ? { sealed: true } : {}),
    ...(layer.linkedFrom.length === 0 ? {} : { linkedFrom: layer.linkedFrom }),
    root: layer.root,
  });
}

/** undefined: there is none, or it cannot be read. */
export function readLayer(root: string, number: number): Layer | undefined {
  try {
    const value = JSON.parse(readFileSync(join(root, String(number), LAYER_FILE), "utf8")) as Omit<
      Layer,
      "number" | "linkedFrom"
    > &
      Partial<Pick<Layer, "linkedFrom">>;
    if (typeof value.chainId !== "string" || typeof value.sizeBytes !== "number") return undefined;
    const { chainId, parent, sizeBytes, linkedFrom = [], root: attributes } = value;
    return { number, chainId, parent, sizeBytes, sealed: value.sealed === true, linkedFrom, root: attributes };
  } catch {
    return undefined;
  }
}

/** The run of the kernel in which the layer was made; undefined: it is durable. */
function readMark(directory: string): string | undefined {
  try {
    return readFileSync(join(directory, UNSETTLED_FILE), "utf8");
  } catch {
    return undefined;
  }
}

/** A layer whose parent is gone cannot be mounted; nothing can refer to it. */
function dropOrphans(index: LayerIndex): void {
  for (let dropped = true; dropped; ) {
    dropped = false;
    for (const layer of index.layers.values()) {
      if (layer.parent === undefined || index.layers.has(layer.parent)) continue;
      index.layers.delete(layer.chainId);
      index.leftovers.push(String(layer.number));
      dropped = true;
    }
  }
}

function readActives(root: string, index: LayerIndex): void {
  const byNumber = new Map([...index.layers.values()].map((layer) => [String(layer.number), layer.chainId]));
  for (const key of readdirSync(join(root, ACTIVE_DIRECTORY))) {
    const link = readLink(join(root, ACTIVE_DIRECTORY, key, PARENT_LINK));
    const [number = "", volatile] = (link ?? "").split(",");
    const parent = byNumber.get(number);
    if (link === undefined || (number !== NO_PARENT && parent === undefined)) {
      index.leftovers.push(join(ACTIVE_DIRECTORY, key));
    } else {
      index.actives.set(key, { parent, volatile: volatile === "volatile" });
    }
  }
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

/** A layer and what it stands on, topmost first. Throws not-found. */
export function stackOf(layers: Map<ChainID, Layer>, top: ChainID | undefined): Layer[] {
  const stack: Layer[] = [];
  for (let chainId = top; chainId !== undefined; ) {
    const layer = layers.get(chainId);
    if (layer === undefined) throw new EngineError("not-found", `layer ${chainId} does not exist`);
    stack.push(layer);
    chainId = layer.parent;
  }
  return stack;
}
