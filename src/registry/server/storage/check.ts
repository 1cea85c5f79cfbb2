import { join } from "node:path";
import { isKind, messageOf } from "../../../base/errors.ts";
import { type Digest, isDigest } from "../../../formats/oci/digest.ts";
import { parseManifestDocument } from "../../../formats/oci/manifest.ts";
import { allRepositories } from "./catalog.ts";
import { namesIn, removeFile, statFile } from "./files.ts";
import { isIntact } from "./hash-states.ts";
import { ALGORITHMS, type LinkKind, TRASH_SUFFIX } from "./layout.ts";
import { isManifestReference, linkedDigests, referencesOf } from "./manifests.ts";
import type { Storage } from "./storage.ts";

export interface Damage {
  /** Where, as a person would name it: a blob, or a repository with digest or tag. */
  where: string;
  what: string;
  /** Files that hold wrong bytes: without them the blob can be pushed again. */
  files: string[];
}

export interface CheckResult {
  blobs: number;
  repositories: number;
  damage: Damage[];
}

/**
 * Reads every blob and follows every reference. Changes nothing. May run beside servers. `partial`: a cache, which lacks what nobody
 * asked for.
 */
export async function checkStorage(storage: Storage, { partial } = { partial: false }): Promise<CheckResult> {
  const bad = new Map<number, Digest>();
  const result: CheckResult = { blobs: 0, repositories: 0, damage: [] };
  for (const algorithm of ALGORITHMS) await checkBlobs(storage, algorithm, { result, bad, partial });
  for (const repository of await allRepositories(storage.layout)) {
    result.repositories++;
    await checkRepository(storage, repository, { result, bad, partial });
  }
  return result;
}

/** Removes the files with wrong bytes, so that a push brings the blob back. */
export async function removeDamaged(damage: readonly Damage[]): Promise<number> {
  let removed = 0;
  for (const { files } of damage) for (const path of files) if (await removeFile(path)) removed++;
  return removed;
}

interface Findings {
  result: CheckResult;
  /** Inodes of files that do not hold what their name says. */
  bad: Map<number, Digest>;
  partial: boolean;
}

async function checkBlobs(
  { layout }: Storage,
  algorithm: (typeof ALGORITHMS)[number],
  { result, bad }: Findings,
): Promise<void> {
  for (const name of namesIn(layout.blobs(algorithm))) {
    if (name.endsWith(TRASH_SUFFIX)) continue;
    const digest = `${algorithm}:${name}`;
    const path = join(layout.blobs(algorithm), name);
    if (!isDigest(digest)) {
      result.damage.push({ where: path, what: "is not named after a digest", files: [] });
      continue;
    }
    result.blobs++;
    if (await isIntact(path, digest)) continue;
    bad.set(statFile(path)?.ino ?? 0, digest);
    result.damage.push({ where: digest, what: "does not hold the bytes of its digest", files: [path] });
  }
}

async function checkRepository(storage: Storage, repository: string, findings: Findings): Promise<void> {
  for (const kind of ["_blobs", "_manifests"] as const) await checkLinks(storage, { repository, kind }, findings);
  const { damage } = findings.result;
  for (const digest of findings.partial ? [] : storage.manifests.list(repository)) {
    for (const what of missingReferences(storage, repository, digest))
      damage.push({ where: `${repository}@${digest}`, what, files: [] });
  }
  for (const tag of await storage.tags.list(repository)) {
    const digest = tagTarget(storage, repository, tag);
    if (digest === undefined || !storage.manifests.has(repository, digest))
      damage.push({
        where: `${repository}:${tag}`,
        what: `leads to no manifest (${digest ?? "not a digest"})`,
        files: [],
      });
  }
}

async function checkLinks(
  { layout }: Storage,
  { repository, kind }: { repository: string; kind: LinkKind },
  { result, bad }: Findings,
): Promise<void> {
  for (const digest of linkedDigests(layout, { repository, kind })) {
    const path = layout.link(repository, kind, digest);
    const [own, shared] = [statFile(path), statFile(layout.blob(digest))];
    // One file has been read already; a second one, which the collector will join with it, has not.
    const wrong = own?.ino === shared?.ino ? bad.has(own?.ino ?? 0) : !(await isIntact(path, digest));
    if (wrong) result.damage.push({ where: `${repository}@${digest}`, what: "holds wrong bytes", files: [path] });
  }
}

function missingReferences({ manifests, links }: Storage, repository: string, digest: Digest): string[] {
  try {
    const manifest = manifests.get(repository, digest);
    if (manifest === undefined) return [];
    const document = parseManifestDocument(manifest.bytes);
    return referencesOf(document)
      .filter((reference) =>
        isManifestReference(document, reference)
          ? !manifests.has(repository, reference.digest)
          : links.stat({ repository, kind: "_blobs" }, reference.digest)?.sizeBytes !== reference.sizeBytes,
      )
      .map((reference) => `needs ${reference.digest}, which is missing or of another size`);
  } catch (error) {
    if (isKind(error, "invalid-argument")) return [messageOf(error)];
    throw error;
  }
}

function tagTarget({ tags }: Storage, repository: string, tag: string): Digest | undefined {
  try {
    return tags.get(repository, tag);
  } catch (error) {
    if (isKind(error, "invalid-argument")) return undefined;
    throw error;
  }
}
