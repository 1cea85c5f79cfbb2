import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Digest, isDigest } from "../../formats/oci/digest.ts";
import type { PartialBlob, Partials } from "./content.ts";

/** What is kept of a download that broke off: `partial-<algorithm>-<hex>`, in the ingest directory. */
const PARTIAL = /^partial-(sha256|sha512)-([a-f0-9]+)$/;
const PREFIX = "partial-";

/** Names in the ingest directory that outlive the daemon. */
export function isPartialName(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** Partial downloads in `directory`. Only lists and removes: who downloads writes them. */
export function createPartials(directory: string): Partials {
  return {
    list: () => readdirSync(directory).flatMap((name) => describe(directory, name) ?? []),
    remove(digest) {
      rmSync(join(directory, `${PREFIX}${digest.replace(":", "-")}`), { force: true });
    },
  };
}

/** undefined: something else, or it has become a blob meanwhile. */
function describe(directory: string, name: string): PartialBlob | undefined {
  const match = PARTIAL.exec(name);
  const digest = match === null ? "" : `${match[1]}:${match[2]}`;
  const status = isDigest(digest) ? statSync(join(directory, name), { throwIfNoEntry: false }) : undefined;
  return status === undefined
    ? undefined
    : { digest: digest as Digest, sizeBytes: status.size, modifiedAt: status.mtime };
}
