import { lstatSync, readdirSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { type Digest, isDigest } from "../../formats/oci/digest.ts";
import type { Blob, Expected, PartialBlob, Partials } from "./content.ts";
import type { Written } from "./content-store.ts";
import { openPartial } from "./partial-ingest.ts";

/** What is kept of a download that broke off: `partial-<algorithm>-<hex>`, in the ingest directory. */
const PARTIAL = /^partial-(sha256|sha512)-([a-f0-9]+)$/;
/** A download that nobody went on with for so long is given up. */
const MAX_AGE_MS = 7 * 24 * 3600 * 1000;

/** A file that outlives the daemon which wrote it. */
export function isFreshPartial(path: string): boolean {
  if (digestOfName(basename(path)) === undefined) return false;
  const status = lstatSync(path);
  // The age of a file over restarts of the machine is known by the wall clock only.
  return status.isFile() && Date.now() - status.mtimeMs < MAX_AGE_MS;
}

/** Partial downloads in `directory`; complete ones are given to `publish`. */
export function createPartials(
  directory: string,
  publish: (written: Written, actual: Expected) => Promise<Blob>,
): Partials {
  const open = new Set<Digest>();
  const pathOf = (digest: Digest) => join(directory, `partial-${digest.replace(":", "-")}`);
  return {
    async open(digest) {
      if (open.has(digest)) throw new Error(`${digest} is being downloaded already`);
      open.add(digest);
      try {
        return await openPartial({ path: pathOf(digest), digest, publish, onClose: () => open.delete(digest) });
      } catch (error) {
        open.delete(digest);
        throw error;
      }
    },
    list: () => readdirSync(directory).flatMap((name) => describe(directory, name) ?? []),
    remove(digest) {
      if (!open.has(digest)) rmSync(pathOf(digest), { force: true });
    },
  };
}

export function isPartialName(name: string): boolean {
  return digestOfName(name) !== undefined;
}

function digestOfName(name: string): Digest | undefined {
  const match = PARTIAL.exec(name);
  const digest = match === null ? "" : `${match[1]}:${match[2]}`;
  return isDigest(digest) ? digest : undefined;
}

/** undefined: something else, or it has become a blob meanwhile. */
function describe(directory: string, name: string): PartialBlob | undefined {
  const digest = digestOfName(name);
  const status = digest === undefined ? undefined : statSync(join(directory, name), { throwIfNoEntry: false });
  if (digest === undefined || status === undefined) return undefined;
  return { digest, sizeBytes: status.size, modifiedAt: status.mtime };
}
