import { lstatSync } from "node:fs";
import { normalize } from "node:path";
import { EngineError, invalid } from "../base/errors.ts";
import type { Containers } from "../containers/containers.ts";
import { chainIds } from "../formats/oci/chain-id.ts";
import { blobsOf } from "../images/collect.ts";
import type { ImagesService } from "../images/create-images.ts";
import type { Snapshots } from "../storage/snapshots/snapshots.ts";
import type { Volumes } from "../volumes/volumes.ts";
import { type Owner, ownerOf } from "./data-layout.ts";

/** Something that an object is kept for. */
export interface Keeper {
  kind: "image" | "container" | "name" | "transfer" | "record" | "engine";
  id: string;
  /** Of an image its names; of a container its name; else a sentence. */
  names: string[];
}

export interface Explanation {
  path: string;
  /** What owns the path. */
  object: { kind: "blob" | "partial download" | "layer" | "container" | "volume" | "engine"; id: string };
  /** Empty: nothing; the next collection takes it. */
  keptBy: Keeper[];
}

export interface WhyDeps {
  dataRoot: string;
  execRoot: string;
  images: Pick<ImagesService, "library" | "store">;
  containers: Pick<Containers, "list">;
  volumes: Pick<Volumes, "list" | "holders">;
  snapshots: Pick<Snapshots, "layerIn" | "stackOf">;
  /** Build steps that a layer is the result of, in words. */
  cacheRecords: (chainId: string) => string[];
}

/** Which object owns a path below the data or exec root, and what keeps it. Throws not-found for others. */
export async function explainPath(deps: WhyDeps, given: string): Promise<Explanation> {
  if (!given.startsWith("/")) throw invalid(`${JSON.stringify(given)} is not an absolute path`);
  const path = normalize(given).replace(/(.)\/+$/, "$1");
  const root = [deps.dataRoot, deps.execRoot].find((one) => path === one || path.startsWith(`${one}/`));
  if (root === undefined)
    throw new EngineError("not-found", `${path} is none of the engine's files: they are in ${deps.dataRoot}`);
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined)
    throw new EngineError("not-found", `${path} does not exist`);
  if (root !== deps.dataRoot) return engineOwned(path, "runs as long as the daemon or its containers");
  const owner = ownerOf(path.slice(root.length + 1));
  return explain(deps, path, owner);
}

function engineOwned(path: string, sentence: string): Explanation {
  return { path, object: { kind: "engine", id: "" }, keptBy: [{ kind: "engine", id: "", names: [sentence] }] };
}

async function explain(deps: WhyDeps, path: string, owner: Owner): Promise<Explanation> {
  switch (owner.kind) {
    case "blob":
      return { path, object: { kind: "blob", id: owner.digest }, keptBy: blobKeepers(deps, owner.digest) };
    case "partial":
      return {
        path,
        object: { kind: "partial download", id: owner.digest },
        keptBy: [
          {
            kind: "transfer",
            id: owner.digest,
            names: ["the next pull goes on with it; prune removes it when it is old"],
          },
        ],
      };
    case "layer":
      return explainLayer(deps, path, owner.directory);
    case "container":
      return {
        path,
        object: { kind: "container", id: owner.id },
        keptBy: await containersWhere(deps, (id) => id === owner.id),
      };
    case "volume":
      return { path, object: { kind: "volume", id: owner.name }, keptBy: await volumeKeepers(deps, owner.name) };
    case "passing":
    case "engine":
      return engineOwned(path, owner.purpose);
  }
}

function blobKeepers({ images: { library, store } }: WhyDeps, digest: string): Keeper[] {
  const keepers: Keeper[] = library
    .entries()
    .filter(({ row }) => blobsOf(row).some((one) => one === digest))
    .map(({ view }) => ({ kind: "image", id: view.id, names: [...view.repoTags, ...view.repoDigests] }));
  for (const name of library.namesOf(digest)) keepers.push({ kind: "name", id: digest, names: [name] });
  for (const row of library.damaged())
    if (blobsOf(row).some((one) => one === digest)) keepers.push({ kind: "image", id: row.id, names: ["(damaged)"] });
  return [...keepers, ...transferKeepers(store, digest, keepers)];
}

function transferKeepers(store: ImagesService["store"], key: string, others: Keeper[]): Keeper[] {
  if (store.leases.has(key)) return [{ kind: "transfer", id: key, names: ["a pull, load, save or build under way"] }];
  const { blobs, layers } = store.needed();
  const isLeftOver = others.length === 0 && (blobs.has(key) || layers.has(key));
  return isLeftOver ? [{ kind: "transfer", id: key, names: ["a pull that was broken off, for a day"] }] : [];
}

async function explainLayer(deps: WhyDeps, path: string, directory: string): Promise<Explanation> {
  const chainId = deps.snapshots.layerIn(directory);
  if (chainId === undefined)
    return engineOwned(path, "a layer without a record: the next start of the daemon removes it");
  const users: Keeper[] = deps.images.library
    .entries()
    .filter(({ row }) => chainIds(row.layers.map(({ diffId }) => diffId)).some((one) => one === chainId))
    .map(({ view }) => ({ kind: "image", id: view.id, names: [...view.repoTags, ...view.repoDigests] }));
  const standing = await containersWhere(deps, (id) => stackOf(deps, id).includes(chainId));
  const steps = deps.cacheRecords(chainId);
  const cached: Keeper[] = steps.map((step) => ({ kind: "record", id: chainId, names: [`the build cache: ${step}`] }));
  const keepers = [...users, ...standing, ...cached];
  return {
    path,
    object: { kind: "layer", id: chainId },
    keptBy: [...keepers, ...transferKeepers(deps.images.store, chainId, keepers)],
  };
}

/** Empty for a container without a snapshot: it is being made or removed. */
function stackOf({ snapshots }: WhyDeps, id: string): string[] {
  try {
    return snapshots.stackOf(id);
  } catch {
    return [];
  }
}

async function containersWhere({ containers }: WhyDeps, isMeant: (id: string) => boolean): Promise<Keeper[]> {
  const all = await containers.list({ all: true, limit: 0, size: false, filters: {} });
  return all.filter(({ id }) => isMeant(id)).map(({ id, spec }) => ({ kind: "container", id, names: [spec.name] }));
}

async function volumeKeepers(deps: WhyDeps, name: string): Promise<Keeper[]> {
  const known = (await deps.volumes.list({})).volumes.find((volume) => volume.name === name);
  const holders = deps.volumes.holders(name);
  const users = await containersWhere(deps, (id) => holders.includes(id));
  if (known === undefined) return users;
  const sentence = known.anonymous ? "an anonymous volume, until it is pruned" : "a named volume, until it is removed";
  return [{ kind: "record", id: name, names: [sentence] }, ...users];
}
