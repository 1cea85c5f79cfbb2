import { chainIds } from "../../formats/oci/chain-id.ts";
import type { Digest } from "../../formats/oci/digest.ts";
import { hostPlatform, platformServes } from "../../formats/oci/platform.ts";
import type { Entry } from "../library.ts";
import type { PullDeps, PullRequest } from "./pull.ts";

/**
 * The image that a tag has here, where its registry has the same: found out by a HEAD, which registries that count pulls do not
 * count (Docker Hub). undefined: it must be pulled, or its registry says nothing of use; then the pull itself will tell why.
 */
export async function findUpToDate(
  deps: Pick<PullDeps, "library" | "content" | "snapshots">,
  { reference, repository, platform, signal }: PullRequest,
): Promise<{ entry: Entry; target: Digest } | undefined> {
  const { library } = deps;
  const [target, holder] = [library.targetOf(reference), library.holder(reference)];
  const entry = holder === undefined ? undefined : library.get(holder);
  if (reference.tag === undefined || target === undefined || entry === undefined) return undefined;
  if (!platformServes(platform ?? hostPlatform(), entry.document.config) || !isWhole(deps, entry)) return undefined;
  const there = await repository.digestOf(reference.tag, signal).catch(() => undefined);
  signal.throwIfAborted();
  return there === target ? { entry, target } : undefined;
}

function isWhole({ content, snapshots }: Pick<PullDeps, "content" | "snapshots">, { row }: Entry): boolean {
  const blobs = [row.id, row.manifestDigest, ...row.layers.map(({ digest }) => digest)];
  const chain = chainIds(row.layers.map(({ diffId }) => diffId));
  return blobs.every((digest) => content.has(digest)) && chain.every((chainId) => snapshots.has(chainId));
}
