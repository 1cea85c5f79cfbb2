import type { Clock } from "../../base/clock.ts";
import { chainIds } from "../../formats/oci/chain-id.ts";
import { MEDIA_TYPES } from "../../formats/oci/media-types.ts";
import type { LayerRow } from "../../storage/records/images.ts";
import { type LinkedFiles, type LinkOrigin, uniteOrigins } from "../../storage/snapshots/links/link-origins.ts";
import type { Sealed } from "../../storage/snapshots/seal/seal.ts";
import type { Snapshots, StagedLayer } from "../../storage/snapshots/snapshots.ts";
import type { TreeResult } from "../results.ts";
import type { Layers, NewLayer } from "./layers.ts";

export interface LayersDeps {
  snapshots: Pick<Snapshots, "stage" | "stageActive" | "prepare" | "remove" | "has" | "stackFiles">;
  clock: Clock;
  randomId: () => string;
  failpoint: (name: string) => void;
}

/** Active snapshots of builds; what a dead daemon left of them is swept as nobody's. */
const KEY_PREFIX = "build-";

export function createLayers(deps: LayersDeps): Layers {
  const { snapshots } = deps;
  return {
    async fill(base, options, work) {
      const staged = await snapshots.stage();
      const linkedFrom: LinkOrigin[][] = [];
      return finish(deps, { base, options, staged, linkedFrom }, async () => {
        await work(staged.path, (origins) => void linkedFrom.push([...origins]));
        return staged.seal(base.chainId, { ...sealOptions(options), stubs: [] });
      });
    },
    async change(base, options, work) {
      const key = `${KEY_PREFIX}${deps.randomId()}`;
      await snapshots.prepare(key, base.chainId, { volatile: true });
      let staged: StagedLayer;
      let stubs: string[];
      try {
        ({ stubs } = await work(key));
        options.signal.throwIfAborted();
        deps.failpoint("build.changed");
        staged = await snapshots.stageActive(key);
      } catch (error) {
        await snapshots.remove(key);
        throw error;
      }
      return finish(deps, { base, options, staged, linkedFrom: [] }, () =>
        staged.seal(base.chainId, { ...sealOptions(options), stubs }),
      );
    },
    async restack(base, top, added, options) {
      const sources = chainOf(top.layers).slice(top.layers.length - added.length);
      let result = base;
      for (const [at, row] of added.entries()) {
        const files = snapshots.stackFiles(sources[at]).slice(0, 1);
        result = await stackOn(deps, { base: result, options }, files, row);
      }
      return { ...result, createdAt: top.createdAt };
    },
    squash(base, top, options) {
      const added = top.layers.length - base.layers.length;
      const files = snapshots.stackFiles(top.chainId).slice(0, added).reverse();
      return stackOn(deps, { base, options }, files, undefined);
    },
  };
}

function sealOptions({ epochSeconds, signal }: NewLayer) {
  return { epochSeconds, signal };
}

function chainOf(layers: LayerRow[]): string[] {
  return chainIds(layers.map(({ diffId }) => diffId));
}

/** `files`: of layers, lowest first. `known`: what the one directory is as a layer; if it is on the base already, nothing is done. */
async function stackOn(
  deps: LayersDeps,
  { base, options }: { base: TreeResult; options: NewLayer },
  files: LinkedFiles[],
  known: LayerRow | undefined,
): Promise<TreeResult> {
  if (known !== undefined) {
    const chainId = chainOf([...base.layers, known]).at(-1) as string;
    options.hold([chainId, known.digest]);
    if (deps.snapshots.has(chainId)) return { ...base, layers: [...base.layers, known], chainId, added: known };
  }
  const staged = await deps.snapshots.stage();
  return finish(deps, { base, options, staged, linkedFrom: [] }, () =>
    staged.seal(base.chainId, { ...sealOptions(options), stubs: [], sources: files }),
  );
}

interface Unfinished {
  base: TreeResult;
  options: NewLayer;
  staged: StagedLayer;
  /** Complete when `seal` is over. */
  linkedFrom: LinkOrigin[][];
}

/** Commits what `seal` has hashed. Held before it can be collected; discarded where anything fails. */
async function finish(
  deps: LayersDeps,
  { base, options, staged, linkedFrom }: Unfinished,
  seal: () => Promise<Sealed>,
): Promise<TreeResult> {
  try {
    const { diffId, archiveBytes, fileBytes, linkedFrom: stackedFrom } = await seal();
    options.signal.throwIfAborted();
    const row = { diffId, digest: diffId, sizeBytes: archiveBytes, mediaType: MEDIA_TYPES.ociLayer };
    const layers = [...base.layers, row];
    const chainId = chainOf(layers).at(-1) as string;
    options.hold([chainId, diffId]);
    deps.failpoint("build.sealed");
    const origins = uniteOrigins([...linkedFrom, stackedFrom]);
    await staged.commit({ chainId, parent: base.chainId, sizeBytes: fileBytes, sealed: true, linkedFrom: origins });
    deps.failpoint("build.committed");
    const { epochSeconds } = options;
    const createdAt = epochSeconds === undefined ? deps.clock.now() : new Date(epochSeconds * 1000);
    return { kind: "tree", layers, chainId, createdAt, added: row };
  } catch (error) {
    await staged.discard();
    throw error;
  }
}
