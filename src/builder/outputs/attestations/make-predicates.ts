import { formatPlatform } from "../../../formats/oci/platform.ts";
import { committedRoot } from "../../../storage/snapshots/committed-root.ts";
import { openTree } from "../../../storage/snapshots/pack/tree-reader.ts";
import type { Snapshots } from "../../../storage/snapshots/snapshots.ts";
import type { SolvedTarget, SolveRequest } from "../../builder.ts";
import type { Predicate } from "../export-context.ts";
import { asVertex, type ProgressOptions } from "../progress.ts";
import { type BuildSource, provenance } from "./provenance.ts";
import { scanPackages } from "./sbom/scan-packages.ts";
import { spdxDocument } from "./sbom/spdx.ts";

const TOOL = "gantry";

export interface PredicateDeps {
  snapshots: Pick<Snapshots, "view">;
  ref: string;
  request: SolveRequest;
  startedAt: Date;
  source: BuildSource | undefined;
  progress: Omit<ProgressOptions, "name">;
}

/** What is to be said about a target, made once however many outputs want it. */
export function predicateMaker(deps: PredicateDeps): (target: SolvedTarget) => Promise<Predicate[]> {
  const made = new Map<SolvedTarget, Promise<Predicate[]>>();
  return (target) => {
    const known = made.get(target) ?? makePredicates(deps, target);
    made.set(target, known);
    return known;
  };
}

async function makePredicates(deps: PredicateDeps, target: SolvedTarget): Promise<Predicate[]> {
  const { ref, request, startedAt, source, progress } = deps;
  const { attestations } = request;
  const found: Predicate[] = [];
  if (attestations.sbom) found.push(await bill(deps, target));
  if (attestations.provenance !== undefined) {
    const finishedAt = progress.clock.now();
    found.push(provenance({ ref, request, target, startedAt, finishedAt, source }));
  }
  return found;
}

/** The time is the build's own epoch, if it has one: then the same build gives the same document. */
async function bill({ snapshots, request, progress }: PredicateDeps, target: SolvedTarget): Promise<Predicate> {
  const seed = `${progress.seed} ${formatPlatform(target.platform)}`;
  return asVertex({ ...progress, seed, name: "generating sbom" }, async () => {
    const tree = openTree(committedRoot(snapshots, target.result.chainId));
    try {
      const scanned = await scanPackages(tree);
      const { epochSeconds } = request;
      const createdAt = epochSeconds === undefined ? progress.clock.now() : new Date(epochSeconds * 1000);
      const name = request.target === "" ? "sbom" : `sbom-${request.target}`;
      const value = spdxDocument({ ...scanned, name, createdAt, tool: TOOL });
      return { type: "https://spdx.dev/Document", value, fileName: "sbom.spdx.json" };
    } finally {
      await tree.close();
    }
  });
}
