import { link, rename } from "node:fs/promises";
import { join } from "node:path";
import type { Digest } from "../../../../formats/oci/digest.ts";
import { parseManifestDocument } from "../../../../formats/oci/manifest.ts";
import { isErrno, namesIn, removeFile, statFile, temporaryName } from "../files.ts";
import { ALGORITHMS, type LinkKind, TRASH_SUFFIX } from "../layout.ts";
import { linkedDigests, referencesOf } from "../manifests.ts";
import { digestOfFileName } from "../referrers.ts";
import type { Run } from "./collect.ts";
import { inBatches } from "./in-batches.ts";
import { decide, discard } from "./trash.ts";

export async function collectRepository(run: Run, repository: string): Promise<void> {
  const { storage } = run;
  // First what a collector that was killed put aside: it may be needed by what is marked below.
  for (const kind of ["_manifests", "_blobs"] as const) await recoverTrash(run, repository, kind);
  await expireUploads(run, repository);
  await forgetTags(run, repository);
  const manifests = await readManifests(run, repository);
  const kept = run.options.deleteUntagged ? await reachable(run, repository, manifests) : new Set(manifests.keys());
  for (const digest of manifests.keys()) {
    if (kept.has(digest) || !(await dropLink(run, { repository, kind: "_manifests", digest }))) continue;
    run.collected.manifests++;
    manifests.delete(digest);
  }
  const marked = new Set([...manifests.values()].flatMap(({ references }) => references));
  for await (const digest of inBatches(linkedDigests(storage.layout, { repository, kind: "_blobs" }))) {
    // Counted where the blob itself goes, once no repository links it.
    if (!marked.has(digest)) await dropLink(run, { repository, kind: "_blobs", digest });
  }
  await dropStaleReferrers(run, repository);
  for (const kind of ["_manifests", "_blobs"] as const) await healLinks(run, repository, kind);
}

interface Known {
  references: Digest[];
  subject: Digest | undefined;
}

async function readManifests({ storage }: Run, repository: string): Promise<Map<Digest, Known>> {
  const known = new Map<Digest, Known>();
  for await (const digest of inBatches(storage.manifests.list(repository))) {
    const manifest = storage.manifests.get(repository, digest);
    if (manifest === undefined) continue;
    const document = parseManifestDocument(manifest.bytes);
    const references = referencesOf(document).map((descriptor) => descriptor.digest);
    known.set(digest, { references, subject: document.subject?.digest });
  }
  return known;
}

/** From the tags through indexes, and from what is kept to what is said about it. */
async function reachable(run: Run, repository: string, manifests: Map<Digest, Known>): Promise<Set<Digest>> {
  const kept = new Set<Digest>();
  const visit = (digest: Digest): void => {
    const known = manifests.get(digest);
    if (known === undefined || kept.has(digest)) return;
    kept.add(digest);
    known.references.forEach(visit);
    for (const [other, { subject }] of manifests) if (subject === digest) visit(other);
  };
  for (const tag of await run.storage.tags.list(repository)) {
    const digest = run.storage.tags.get(repository, tag);
    if (digest !== undefined) visit(digest);
  }
  return kept;
}

async function dropLink(
  run: Run,
  { repository, kind, digest }: { repository: string; kind: LinkKind; digest: Digest },
): Promise<boolean> {
  const path = run.storage.layout.link(repository, kind, digest);
  const file = statFile(path);
  const fresh = (now: { mtimeMs: number }) => now.mtimeMs >= run.before;
  if (file === undefined || fresh(file)) return false;
  return (await discard(path, fresh)) !== undefined;
}

/** Back to its name: if it is garbage, this run finds that out anew. */
async function recoverTrash({ storage }: Run, repository: string, kind: LinkKind): Promise<void> {
  for (const algorithm of ALGORITHMS) {
    const folder = storage.layout.links(repository, kind, algorithm);
    for (const name of namesIn(folder)) {
      if (name.endsWith(TRASH_SUFFIX)) await decide(join(folder, name.slice(0, -TRASH_SUFFIX.length)), () => true);
    }
  }
}

async function expireUploads(run: Run, repository: string): Promise<void> {
  const folder = run.storage.layout.uploads(repository);
  for (const id of namesIn(folder)) {
    const path = join(folder, id);
    const file = statFile(path);
    if (file === undefined || file.mtimeMs >= run.now - run.options.uploadExpiryMs) continue;
    const lock = run.storage.lock(path);
    if (lock === undefined) continue;
    if (await removeFile(path)) {
      run.collected.uploads++;
      run.collected.bytes += file.nlink === 1 ? file.size : 0;
    }
    lock.release();
  }
}

async function forgetTags({ storage, options, now }: Run, repository: string): Promise<void> {
  if (options.forgetTagsAfterMs === undefined) return;
  for (const tag of await storage.tags.list(repository)) {
    const file = statFile(join(storage.layout.tags(repository), tag));
    if (file !== undefined && file.mtimeMs < now - options.forgetTagsAfterMs)
      await storage.tags.remove(repository, tag);
  }
}

/** Announcements of manifests that were deleted, or never came. */
async function dropStaleReferrers({ storage, before }: Run, repository: string): Promise<void> {
  for (const algorithm of ALGORITHMS) {
    const folder = join(storage.layout.allReferrers(repository), algorithm);
    for (const subject of namesIn(folder)) {
      for (const name of namesIn(join(folder, subject))) {
        const digest = digestOfFileName(name);
        const path = join(folder, subject, name);
        const file = statFile(path);
        const gone = digest === undefined || !storage.manifests.has(repository, digest);
        if (gone && file !== undefined && file.mtimeMs < before) await removeFile(path);
      }
    }
  }
}

/** A link and the blob below blobs/ are one file again: after a race they may be two, or the blob missing. */
async function healLinks({ storage }: Run, repository: string, kind: LinkKind): Promise<void> {
  const { layout } = storage;
  for await (const digest of inBatches(linkedDigests(layout, { repository, kind }))) {
    const [path, blob] = [layout.link(repository, kind, digest), layout.blob(digest)];
    const [own, shared] = [statFile(path), statFile(blob)];
    if (own === undefined || own.ino === shared?.ino) continue;
    try {
      if (shared === undefined) await link(path, blob);
      else if (shared.size === own.size) {
        const staged = temporaryName(layout.temporary);
        await link(blob, staged);
        await rename(staged, path);
      }
    } catch (error) {
      if (!isErrno(error, "ENOENT", "EEXIST", "EMLINK")) throw error;
    }
  }
}
