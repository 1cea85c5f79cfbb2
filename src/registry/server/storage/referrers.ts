import { readFileSync } from "node:fs";
import { join } from "node:path";
import { algorithmOf, type Digest, hexOf, isDigest } from "../../../formats/oci/digest.ts";
import type { JsonObject } from "../../../formats/oci/json.ts";
import type { ManifestDocument } from "../../../formats/oci/manifest.ts";
import { namesIn, removeFile, unlessMissing, writeDurably } from "./files.ts";
import type { Layout } from "./layout.ts";

/** A descriptor as the referrers API lists it. @see OCI distribution-spec "Listing Referrers" */
export interface ReferrerDescriptor extends JsonObject {
  mediaType: string;
  digest: Digest;
  size: number;
  artifactType?: string;
  annotations?: Record<string, string>;
}

/** What says something about a manifest, whether that manifest is here (yet) or not. */
export interface Referrers {
  add(repository: string, manifest: Referring, document: ManifestDocument): Promise<void>;
  remove(repository: string, subject: Digest, referrer: Digest): Promise<void>;
  /** Sorted by digest. May name manifests that are gone: the caller looks. */
  list(repository: string, subject: Digest): ReferrerDescriptor[];
}

export interface Referring {
  digest: Digest;
  bytes: Uint8Array;
  mediaType: string;
}

export function createReferrers(layout: Layout): Referrers {
  const pathOf = (repository: string, subject: Digest, referrer: Digest) =>
    join(layout.referrers(repository, subject), fileName(referrer));
  return {
    async add(repository, manifest, document) {
      if (document.subject === undefined) return;
      const path = pathOf(repository, document.subject.digest, manifest.digest);
      const descriptor = describeReferrer(manifest, document);
      await writeDurably(layout.temporary, path, Buffer.from(JSON.stringify(descriptor)));
    },
    async remove(repository, subject, referrer) {
      await removeFile(pathOf(repository, subject, referrer));
    },
    list(repository, subject) {
      const directory = layout.referrers(repository, subject);
      return namesIn(directory)
        .sort()
        .flatMap((name) => unlessMissing(() => readFileSync(join(directory, name), "utf8")) ?? [])
        .map((text) => JSON.parse(text) as ReferrerDescriptor);
    },
  };
}

/** The artifact's type is its own word, else, for an image manifest, the type of its config. */
export function describeReferrer(manifest: Referring, document: ManifestDocument): ReferrerDescriptor {
  const artifactType = document.artifactType ?? (document.kind === "manifest" ? document.config.mediaType : undefined);
  return {
    mediaType: manifest.mediaType,
    digest: manifest.digest,
    size: manifest.bytes.length,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(Object.keys(document.annotations).length === 0 ? {} : { annotations: document.annotations }),
  };
}

/** `sha256-<hex>`: also the tag under which clients keep referrers where a registry has no API for them. */
export function fileName(digest: Digest): string {
  return `${algorithmOf(digest)}-${hexOf(digest)}`;
}

export function digestOfFileName(name: string): Digest | undefined {
  const text = name.replace("-", ":");
  return isDigest(text) ? text : undefined;
}
