import { existsSync, lstatSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join, relative } from "node:path";
import { conflict, EngineError, messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import { AT_FDCWD, makeDirAt, modeAt, O_DIRECTORY, openAt, ownAt, symlinkAt } from "../../kernel/files.ts";
import type { RootView } from "../../kernel/root-view.ts";
import type { ViewMount } from "../../kernel/view-mounts.ts";
import { auditSnapshots } from "./audit.ts";
import { FreedBytes } from "./freed-bytes.ts";
import { createHousekeeper, type Housekeeper } from "./housekeeper.ts";
import { adoptAttributes } from "./implied-directories.ts";
import {
  ACTIVE_DIRECTORY,
  type Active,
  EMPTY_DIRECTORY,
  encodeLayer,
  encodeParent,
  LAYER_FILE,
  type Layer,
  type LayerIndex,
  PARENT_LINK,
  readLayerIndex,
  stackOf,
  TRASH_DIRECTORY,
} from "./layer-index.ts";
import { type LinkedFiles, layerOrigins } from "./links/link-origins.ts";
import { readMerged } from "./merged-view.ts";
import { missingMountPoints } from "./mount-points.ts";
import { createSealer, type Sealer } from "./seal/seal.ts";
import { createSettling, type Settling } from "./settling.ts";
import type { ChainID, CommittedLayer, RootMount, Snapshots, StagedLayer } from "./snapshots.ts";
import { countUsers, type UserCounts } from "./user-counts.ts";

/** Options that keep layers readable without the kernel: no redirects (a hostile layer may hold them), no metadata-only copies, no index of hard links. */
const OVERLAY_OPTIONS = "index=off,metacopy=off,redirect_dir=nofollow";
/** The kernel copies mount options into one page. */
const MAX_OPTION_BYTES = 4095;
const KEY = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;
const ROOT_DEFAULT = { mode: 0o755, uid: 0, gid: 0 };

type OverlayMount = Extract<RootMount, { kind: "overlay" }>;

interface State {
  root: string;
  rootFd: number;
  index: LayerIndex;
  users: UserCounts;
  /** Numbers of layers that are being filled. */
  staging: Set<number>;
  housekeeper: Housekeeper;
  sealer: Sealer;
  settling: Settling;
  freed: FreedBytes;
  logger: Logger;
}

/**
 * Layers as overlayfs directories below `root`: `<number>/{fs,layer.json}` committed, `staged-<number>/` being filled,
 * `active/<key>/{fs,work,parent}` writable, `trash/` being deleted.
 */
export function createOverlaySnapshots(deps: { root: string; bootId: string; logger: Logger }): Snapshots {
  const state = openState(deps);
  const { root, index, logger } = state;
  return {
    driver: "overlay2",
    has: (chainId) => index.layers.has(chainId) && !index.doubtful.has(chainId),
    stage: () => stage(state),
    stageActive: (key) => stageActive(state, key),
    isSealed: (chainId) => index.layers.get(chainId)?.sealed === true,
    layerDirectory: (chainId) => join(root, `${layerOf(state, chainId).number}/fs`),
    stackDirectories: (chainId) => ({ root, layers: lowerOf(state, chainId) }),
    stackFiles: (chainId) => filesOf(state, chainId),
    prepare: async (key, parent, options) => prepare(state, key, { parent, volatile: options?.volatile ?? false }),
    mounts: (key) => activeMount(state, key),
    view: (chainId) => viewMount(state, chainId),
    imageView: (key) => viewMount(state, parentOf(state, key)),
    imageUsage: (key) =>
      stackOf(index.layers, parentOf(state, key)).reduce((total, { sizeBytes }) => total + sizeBytes, 0),
    layerStack: (id) => (index.layers.has(id) ? stackOf(index.layers, id).map(({ chainId }) => chainId) : []),
    stackOf: (key) => stackOf(index.layers, parentOf(state, key)).map(({ chainId }) => chainId),
    layerIn: (directory) => [...index.layers.values()].find(({ number }) => String(number) === directory)?.chainId,
    isUsed: (chainId) => state.users.has(chainId),
    rootView: (key, options) => activeView(state, key, options),
    directories: (key) => ({ root, layers: activeLayers(state, key) }),
    remove: async (key) => {
      const active = index.actives.get(key);
      if (active === undefined) return;
      index.actives.delete(key);
      state.users.drop(active.parent);
      discardDirectory(state, join(ACTIVE_DIRECTORY, key));
      void sweep(state);
    },
    removeLayer: async (chainId) => removeLayer(state, chainId),
    freedBytes: (chainIds) => freedBytes(state, chainIds),
    usage: (key) => state.housekeeper.usage(join(root, ACTIVE_DIRECTORY, activeOf(state, key), "fs")),
    directoryUsage: (directory) => state.housekeeper.usage(directory),
    settle: () => state.settling.settle(),
    layerBytes: (chainId) => index.layers.get(chainId)?.sizeBytes,
    audit: () => auditSnapshots(root, index, state.staging),
    doubt: (chainId) => void index.doubtful.add(chainId),
    discard: (path) => {
      discardDirectory(state, relative(root, path));
      void sweep(state);
    },
    listActive: () => [...index.actives.keys()],
    listLayers: () => [...index.layers.keys()],
    readFile: async (key, path, limitBytes) => {
      const mount = activeMount(state, key);
      if (mount.kind !== "overlay") return undefined;
      return readMerged({ rootFd: state.rootFd, layers: activeLayers(state, key) }, path, limitBytes);
    },
    mountPoints: (key, paths) => {
      const stack = { rootFd: state.rootFd, layers: activeLayers(state, key) };
      return [...new Set(paths.flatMap((path) => missingMountPoints(stack, path)))];
    },
    async close() {
      await state.settling.settle().catch((error: unknown) => {
        logger.error("making layers durable", { error: messageOf(error) });
      });
      state.sealer.close();
      await state.housekeeper.close();
    },
  };
}

function openState({ root, bootId, logger }: { root: string; bootId: string; logger: Logger }): State {
  const index = readLayerIndex(root, bootId);
  const housekeeper = createHousekeeper();
  const state: State = {
    root,
    index,
    users: countUsers(index),
    staging: new Set(),
    logger,
    sealer: createSealer(),
    housekeeper,
    freed: new FreedBytes(),
    settling: createSettling({ root, bootId, logger, sync: () => housekeeper.sync(root) }),
    rootFd: openAt(AT_FDCWD, root, O_DIRECTORY),
  };
  for (const name of index.unsettled) state.settling.add(name);
  for (const name of index.leftovers) discardDirectory(state, name);
  void sweep(state);
  return state;
}

function stage(state: State): Promise<StagedLayer> {
  return newStage(state, (path) => mkdir(path, { mode: 0o755 }));
}

/** By a rename: what was written stays where it is on the disk. */
async function stageActive(state: State, key: string): Promise<StagedLayer> {
  const { parent } = state.index.actives.get(activeOf(state, key)) as Active;
  const directory = join(ACTIVE_DIRECTORY, key);
  const staged = await newStage(state, async (path) => renameSync(join(state.root, directory, "fs"), path));
  state.index.actives.delete(key);
  state.users.drop(parent);
  discardDirectory(state, directory);
  void sweep(state);
  return staged;
}

async function newStage(state: State, make: (path: string) => Promise<void>): Promise<StagedLayer> {
  const number = ++state.index.lastNumber;
  const name = `staged-${number}`;
  const path = join(state.root, name, "fs");
  state.staging.add(number);
  try {
    await mkdir(join(state.root, name), { mode: 0o700 });
    await make(path);
  } catch (error) {
    state.staging.delete(number);
    throw error;
  }
  const discard = async () => {
    state.staging.delete(number);
    discardDirectory(state, name);
    void sweep(state);
  };
  return {
    path,
    discard,
    seal: (parent, options) => {
      const layers = [`${name}/fs`, ...lowerOf(state, parent)];
      return state.sealer.seal({ root: state.root, layers, below: filesOf(state, parent) }, options);
    },
    commit: async (layer) => {
      const known = state.index.layers.get(layer.chainId);
      if (known !== undefined && !state.index.doubtful.has(layer.chainId)) {
        if (layer.sealed === true && !known.sealed) markSealed(state, known);
        return discard();
      }
      const staged = { number: known?.number ?? number, name, path };
      commit(state, staged, layer);
      state.staging.delete(number);
    },
  };
}

/**
 * The layer's own record and mark, then the rename: a crash before it leaves nothing but a staged directory. A doubtful layer of
 * the same chainID gives up its number, by which containers know it.
 */
function commit(state: State, staged: { number: number; name: string; path: string }, committed: CommittedLayer): void {
  const { chainId, parent, sizeBytes, sealed = false, linkedFrom = [], impliedDirectories = [] } = committed;
  const below = lowerOf(state, parent);
  if (parent !== undefined) {
    adoptAttributes({ rootFd: state.rootFd, layers: below }, join(staged.name, "fs"), impliedDirectories);
  }
  const { mode, uid, gid } = lstatSync(staged.path);
  const attributes = { mode: mode & 0o7777, uid, gid };
  const layer: Layer = { number: staged.number, chainId, parent, sizeBytes, sealed, linkedFrom, root: attributes };
  writeFileSync(join(state.root, staged.name, LAYER_FILE), encodeLayer(layer), { mode: 0o600, flag: "wx" });
  state.settling.mark(staged.name);
  const name = String(staged.number);
  if (state.index.layers.has(chainId)) discardDirectory(state, name);
  else state.users.add(parent);
  renameSync(join(state.root, staged.name), join(state.root, name));
  state.index.layers.set(chainId, layer);
  state.index.doubtful.delete(chainId);
  state.settling.add(name);
}

/** The same files came as an archive before: now it is known that they give it again. */
function markSealed({ root }: State, layer: Layer): void {
  layer.sealed = true;
  const path = join(root, String(layer.number), LAYER_FILE);
  writeFileSync(`${path}.new`, encodeLayer(layer), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** A handful of system calls and no sync: a container whose creation a power cut undoes was never reported as durable. */
function prepare(state: State, key: string, active: Active): RootMount {
  if (!KEY.test(key)) throw new EngineError("invalid-argument", `invalid snapshot key ${JSON.stringify(key)}`);
  if (state.index.actives.has(key)) throw conflict(`snapshot ${key} exists already`);
  const parent = active.parent === undefined ? undefined : stackOf(state.index.layers, active.parent)[0];
  const directory = `${ACTIVE_DIRECTORY}/${key}`;
  const { mode, uid, gid } = parent?.root ?? ROOT_DEFAULT;
  makeDirAt(state.rootFd, directory, 0o700);
  makeDirAt(state.rootFd, `${directory}/work`, 0o700);
  makeDirAt(state.rootFd, `${directory}/fs`, mode);
  if (uid !== 0 || gid !== 0) ownAt(state.rootFd, `${directory}/fs`, uid, gid);
  if (mode !== 0o755) modeAt(state.rootFd, `${directory}/fs`, mode);
  symlinkAt(encodeParent(parent?.number, active.volatile), state.rootFd, `${directory}/${PARENT_LINK}`);
  state.index.actives.set(key, active);
  state.users.add(active.parent);
  return activeMount(state, key);
}

function activeMount(state: State, key: string): OverlayMount {
  const active = state.index.actives.get(activeOf(state, key)) as Active;
  const [upper, work] = [`${ACTIVE_DIRECTORY}/${key}/fs`, `${ACTIVE_DIRECTORY}/${key}/work`];
  const torn = stackOf(state.index.layers, active.parent).find(({ chainId }) => state.index.doubtful.has(chainId));
  if (torn !== undefined)
    throw new EngineError("internal", `layer ${torn.chainId} is damaged: its image has to come anew`);
  const lower = lowerOf(state, active.parent);
  // The kernel refuses a volatile layer that was mounted before and perhaps lost writes; ours dies with its container anyway.
  if (active.volatile) rmSync(join(state.root, work, "work/incompat"), { recursive: true, force: true });
  const data = [
    `lowerdir=${lower.join(":")}`,
    `upperdir=${upper}`,
    `workdir=${work}`,
    OVERLAY_OPTIONS,
    ...(active.volatile ? ["volatile"] : []),
  ].join(",");
  return overlayMount(state, { data, lower, upper, work });
}

function activeLayers(state: State, key: string): string[] {
  const parent = state.index.actives.get(activeOf(state, key))?.parent;
  return [join(ACTIVE_DIRECTORY, key, "fs"), ...lowerOf(state, parent)];
}

/** For reading, every directory is a lower one: the snapshot may be mounted by its container at the same time. */
function activeView(state: State, key: string, options: { writable: boolean; mounts: ViewMount[] }): RootView {
  const common = { kind: "overlay", cwd: state.root, target: EMPTY_DIRECTORY, mounts: options.mounts } as const;
  if (options.writable) return { ...common, data: activeMount(state, key).data, scratch: undefined };
  const layers = activeLayers(state, key);
  const needsScratch = options.mounts.length > 0;
  // The empty directory is what the scratch layer is mounted on.
  const lower = needsScratch ? layers.filter((layer) => layer !== EMPTY_DIRECTORY) : layers;
  const data = `lowerdir=${lower.join(":")},${OVERLAY_OPTIONS}`;
  return { ...common, data, scratch: needsScratch ? { top: layers[0] as string } : undefined };
}

/** A read-only overlay wants two lower directories at least. */
function viewMount(state: State, chainId: ChainID | undefined): RootMount {
  const lower = lowerOf(state, chainId);
  const padded = lower.length === 1 ? [...lower, EMPTY_DIRECTORY] : lower;
  if (padded[0] === EMPTY_DIRECTORY) return { kind: "bind", source: join(state.root, EMPTY_DIRECTORY) };
  return overlayMount(state, {
    data: `lowerdir=${padded.join(":")},${OVERLAY_OPTIONS}`,
    lower: padded,
    upper: "",
    work: "",
  });
}

function overlayMount(
  state: State,
  mount: { data: string; lower: string[]; upper: string; work: string },
): OverlayMount {
  if (mount.data.length > MAX_OPTION_BYTES) throw new EngineError("internal", `too many layers: ${mount.lower.length}`);
  const absolute = (path: string) => (path === "" ? "" : join(state.root, path));
  return {
    kind: "overlay",
    cwd: state.root,
    data: mount.data,
    lower: mount.lower.map(absolute),
    upper: absolute(mount.upper),
    work: absolute(mount.work),
  };
}

/** Directories of a stack relative to the root, topmost first; never empty, since overlayfs needs one. */
function lowerOf(state: State, chainId: ChainID | undefined): string[] {
  const stack = stackOf(state.index.layers, chainId);
  return stack.length === 0 ? [EMPTY_DIRECTORY] : stack.map(({ number }) => `${number}/fs`);
}

function filesOf(state: State, chainId: ChainID | undefined): LinkedFiles[] {
  return stackOf(state.index.layers, chainId).map((layer) => ({
    directory: join(state.root, `${layer.number}/fs`),
    origins: layerOrigins(layer),
  }));
}

function activeOf(state: State, key: string): string {
  if (!state.index.actives.has(key)) throw new EngineError("not-found", `snapshot ${key} does not exist`);
  return key;
}

function layerOf(state: State, chainId: ChainID): Layer {
  const layer = state.index.layers.get(chainId);
  if (layer === undefined) throw new EngineError("not-found", `layer ${chainId} does not exist`);
  return layer;
}

function parentOf(state: State, key: string): ChainID | undefined {
  return state.index.actives.get(activeOf(state, key))?.parent;
}

function removeLayer(state: State, chainId: ChainID): void {
  const layer = state.index.layers.get(chainId);
  if (layer === undefined) return;
  if (state.users.has(chainId)) throw conflict(`layer ${chainId} is in use`);
  const trashName = discardDirectory(state, String(layer.number));
  if (trashName !== undefined) state.freed.thrownAway(trashName, chainId);
  state.index.layers.delete(chainId);
  state.users.drop(layer.parent);
  void sweep(state);
}

/** Out of sight at once, by a rename; the deletion itself is done by the housekeeper. The new name, if there was something. */
function discardDirectory(state: State, name: string): string | undefined {
  const trashName = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
  const path = join(state.root, name);
  // A damaged store may have lost it already.
  if (!existsSync(path)) return undefined;
  renameSync(path, join(state.root, TRASH_DIRECTORY, trashName));
  return trashName;
}

async function freedBytes(state: State, chainIds: Iterable<ChainID>): Promise<number> {
  await sweep(state);
  return [...chainIds].reduce((total, chainId) => total + state.freed.take(chainId), 0);
}

/** Never rejects. */
function sweep(state: State): Promise<void> {
  return state.housekeeper
    .sweep(join(state.root, TRASH_DIRECTORY))
    .then((freed) => state.freed.deleted(freed))
    .catch((error: unknown) => state.logger.warn("deleting old layers", { error: messageOf(error) }));
}
