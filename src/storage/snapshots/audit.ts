import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { Stray } from "../stray.ts";
import {
  ACTIVE_DIRECTORY,
  EMPTY_DIRECTORY,
  type Layer,
  type LayerIndex,
  readLayer,
  TRASH_DIRECTORY,
} from "./layer-index.ts";
import type { ChainID } from "./snapshots.ts";

export interface SnapshotAudit {
  strays: Stray[];
  /** Committed layers whose directory is gone, whose record is not what it was, or whose parent is missing. */
  damaged: { chainId: ChainID; fault: string }[];
  /** Active snapshots without their directories. */
  lost: { key: string; fault: string }[];
}

const OWN = new Set([ACTIVE_DIRECTORY, TRASH_DIRECTORY, EMPTY_DIRECTORY]);

/** Layers looked at in one turn of the event loop. */
const TURN_LAYERS = 50;

/**
 * Compares what is on disk with what is known; only reads. `staging`: numbers of layers that are being filled. What is there and
 * unknown is found in one turn, so that nothing is half way; layers are looked at one after the other.
 */
export async function auditSnapshots(
  root: string,
  index: LayerIndex,
  staging: ReadonlySet<number>,
): Promise<SnapshotAudit> {
  const numbers = new Set([...index.layers.values()].map(({ number }) => String(number)));
  const isKnown = (name: string) =>
    OWN.has(name) || numbers.has(name) || staging.has(Number(name.replace("staged-", "")));
  const unknown = readdirSync(root).filter((name) => !isKnown(name));
  const actives = readdirSync(join(root, ACTIVE_DIRECTORY)).filter((key) => !index.actives.has(key));
  const strays = [
    ...unknown.map((name) => ({ path: join(root, name), fault: "is no layer that the store knows" })),
    ...actives.map((key) => ({
      path: join(root, ACTIVE_DIRECTORY, key),
      fault: "is the writable layer of no container",
    })),
  ];
  const lost = [...index.actives.keys()]
    .filter((key) => !["fs", "work"].every((name) => existsSync(join(root, ACTIVE_DIRECTORY, key, name))))
    .map((key) => ({ key, fault: "has lost its directory" }));
  return { strays, lost, damaged: await damagedLayers(root, index) };
}

async function damagedLayers(root: string, index: LayerIndex): Promise<SnapshotAudit["damaged"]> {
  const damaged: SnapshotAudit["damaged"] = [];
  for (const [at, layer] of [...index.layers.values()].entries()) {
    if (at % TURN_LAYERS === TURN_LAYERS - 1) await setImmediate();
    if (index.layers.get(layer.chainId) !== layer) continue;
    const fault = layerFault(root, index, layer);
    if (fault !== undefined) damaged.push({ chainId: layer.chainId, fault });
  }
  return damaged;
}

function layerFault(
  root: string,
  { layers }: LayerIndex,
  { number, chainId, parent, sizeBytes }: Layer,
): string | undefined {
  if (!existsSync(join(root, String(number), "fs"))) return "has lost its directory";
  const record = readLayer(root, number);
  if (record?.chainId !== chainId || record.parent !== parent || record.sizeBytes !== sizeBytes)
    return "has another record on disk than it had";
  return parent !== undefined && !layers.has(parent) ? `stands on ${parent}, which is missing` : undefined;
}
