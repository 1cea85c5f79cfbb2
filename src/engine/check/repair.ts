import { rm } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../../base/errors.ts";
import { chainIds } from "../../formats/oci/chain-id.ts";
import type { Digest } from "../../formats/oci/digest.ts";
import { parseReference } from "../../formats/reference/reference.ts";
import { missingBlobs } from "../../images/check-images.ts";
import { isLost } from "../../images/lost-images.ts";
import type { ImageRow } from "../../storage/records/images.ts";
import type { CheckDeps } from "./check-store.ts";
import { describeFindings, type Findings, type Problem } from "./findings.ts";

type Outcome = Pick<Problem, "repaired" | "remedy">;

/** Mends what can be mended, removes what is nobody's; each problem says what became of it. In the order in which one needs another. */
export async function repairStore(deps: CheckDeps, findings: Findings, signal: AbortSignal): Promise<Problem[]> {
  const outcomes = new Map<string, Outcome>();
  const attempt = async (object: string, repair: () => Promise<Outcome> | Outcome) => {
    try {
      outcomes.set(object, await repair());
    } catch (error) {
      outcomes.set(object, { repaired: false, remedy: `cannot be repaired: ${messageOf(error)}` });
    }
  };
  for (const { digest } of findings.blobs) await attempt(`blob ${digest}`, () => dropBlob(deps, digest));
  for (const { chainId } of findings.snapshots.damaged) deps.snapshots.doubt(chainId);
  const hopeless = new Set(findings.images.filter(({ isMendable }) => !isMendable).map(({ row }) => row.id));
  for (const row of rowsToMend(deps, findings))
    await attempt(`image ${row.id}`, () =>
      hopeless.has(row.id) ? giveUpImage(deps, row) : mendImage(deps, row, signal),
    );
  for (const digest of findings.targets) await attempt(`index ${digest}`, () => dropTarget(deps, digest));
  for (const { path } of findings.strays) await attempt(path, () => removeStray(deps, path));
  await deps.images.store.collect();
  await deps.images.store.writeIndex();
  for (const { chainId } of findings.snapshots.damaged) outcomes.set(`layer ${chainId}`, layerOutcome(deps, chainId));
  for (const digest of findings.orphans.blobs)
    outcomes.set(`blob ${digest}`, removedIf(!deps.content.has(digest as Digest)));
  for (const chainId of findings.orphans.layers)
    outcomes.set(`layer ${chainId}`, removedIf(!deps.snapshots.has(chainId)));
  return describeFindings(findings).map((problem) => ({ ...problem, ...outcomes.get(problem.object) }));
}

function removedIf(isGone: boolean): Outcome {
  return isGone ? { repaired: true, remedy: "removed" } : { repaired: false, remedy: "in use by now" };
}

/** As long as it is here it would be taken for the real one. */
async function dropBlob({ content }: CheckDeps, digest: Digest): Promise<Outcome> {
  await content.remove(digest);
  return { repaired: false, remedy: "taken away: pull or load its image again" };
}

/** Here again if an image had its blob; gone if it was nobody's. */
function layerOutcome({ snapshots }: CheckDeps, chainId: string): Outcome {
  if (snapshots.has(chainId)) return { repaired: true, remedy: "unpacked again from its blob" };
  if (!snapshots.listLayers().includes(chainId)) return { repaired: true, remedy: "removed" };
  return { repaired: false, remedy: "no image has its blob, and a container stands on it" };
}

/** Images with a fault of their own, and those that stand on a damaged layer. */
function rowsToMend({ images: { library }, snapshots }: CheckDeps, findings: Findings): ImageRow[] {
  const rows = new Map(findings.images.map(({ row }) => [row.id, row]));
  for (const { row } of library.entries())
    if (chainIds(row.layers.map(({ diffId }) => diffId)).some((chainId) => !snapshots.has(chainId)))
      rows.set(row.id, row);
  return [...rows.values()];
}

async function mendImage(deps: CheckDeps, row: ImageRow, signal: AbortSignal): Promise<Outcome> {
  if (missingBlobs(row, deps).length > 0 || isLost(row, deps)) return giveUpImage(deps, row);
  await deps.images.store.install({ row, references: [], signal });
  return { repaired: true, remedy: "its layers were unpacked again" };
}

/** What still works of an image stays; a record that nothing can be made of goes. */
function giveUpImage(deps: CheckDeps, row: ImageRow): Outcome {
  const { images, usedBy } = deps;
  const lost = isLost(row, deps);
  const advice = lost ? "build it again" : "pull or load it again";
  if (!lost && images.library.get(row.id) !== undefined) return { repaired: false, remedy: advice };
  if (usedBy(row.id).length > 0) return { repaired: false, remedy: `a container stands on it: ${advice}` };
  images.library.remove(row.id);
  return { repaired: true, remedy: `its record was removed: ${advice}` };
}

function dropTarget({ images: { library } }: CheckDeps, digest: Digest): Outcome {
  for (const name of library.namesOf(digest)) library.tag(library.find(name).row.id, parseReference(name));
  return { repaired: true, remedy: "its names stand for one image each now" };
}

async function removeStray({ dataRoot, snapshots }: CheckDeps, path: string): Promise<Outcome> {
  if (path.startsWith(`${join(dataRoot, "snapshots")}/`)) snapshots.discard(path);
  else await rm(path, { recursive: true, force: true });
  return { repaired: true, remedy: "removed" };
}
