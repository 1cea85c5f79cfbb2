import type { Digest } from "../../../formats/oci/digest.ts";
import { parseManifestDocument } from "../../../formats/oci/manifest.ts";
import { MEDIA_TYPES } from "../../../formats/oci/media-types.ts";
import { DistributionError } from "../http/error-codes.ts";
import type { Routes } from "../http/exchange.ts";
import { paginate } from "../http/pagination.ts";
import { replyJson } from "../http/replies.ts";
import { describeReferrer, fileName, type ReferrerDescriptor } from "../storage/referrers.ts";
import type { Storage } from "../storage/storage.ts";
import { readDigest } from "./parse.ts";

/** Tags, referrers, repositories. */
export function listRoutes({ storage }: { storage: Storage }): Routes {
  return {
    tags: {
      async GET({ target: { name }, query, path }) {
        const tags = await storage.tags.list(name);
        if (tags.length === 0 && !(await storage.exists(name)))
          throw new DistributionError("NAME_UNKNOWN", { detail: { name } });
        const { items, link } = paginate(tags, query, path);
        return replyJson({ name, tags: items }, link === undefined ? {} : { Link: link });
      },
    },
    catalog: {
      async GET({ query, path }) {
        const { items, link } = paginate(await storage.repositories(), query, path);
        return replyJson({ repositories: items }, link === undefined ? {} : { Link: link });
      },
    },
    referrers: {
      GET({ target, query }) {
        const wanted = query.get("artifactType");
        const all = referrersOf(storage, target.name, readDigest(target.digest));
        const manifests = wanted === null ? all : all.filter(({ artifactType }) => artifactType === wanted);
        return replyJson(
          { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests },
          {
            "Content-Type": MEDIA_TYPES.ociIndex,
            ...(wanted === null ? {} : { "OCI-Filters-Applied": "artifactType" }),
          },
        );
      },
    },
  };
}

/** Also what clients that knew no such API pushed under the fallback tag. @see OCI distribution-spec "Referrers Tag Schema" */
function referrersOf(storage: Storage, repository: string, subject: Digest): ReferrerDescriptor[] {
  const found = new Map<string, ReferrerDescriptor>();
  for (const descriptor of storage.referrers.list(repository, subject)) {
    if (storage.manifests.has(repository, descriptor.digest)) found.set(descriptor.digest, descriptor);
  }
  const fallback = storage.tags.get(repository, fileName(subject));
  const bytes = fallback === undefined ? undefined : storage.manifests.get(repository, fallback)?.bytes;
  const index = bytes === undefined ? undefined : parseManifestDocument(bytes);
  if (index?.kind === "index") {
    for (const { digest } of index.manifests) {
      const manifest = found.has(digest) ? undefined : storage.manifests.get(repository, digest);
      if (manifest !== undefined) found.set(digest, describeReferrer(manifest, parseManifestDocument(manifest.bytes)));
    }
  }
  return [...found.values()];
}
