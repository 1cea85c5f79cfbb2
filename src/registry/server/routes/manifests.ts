import { algorithmOf, createDigestStream, type Digest } from "../../../formats/oci/digest.ts";
import { type ManifestDocument, MAX_MANIFEST_BYTES } from "../../../formats/oci/manifest.ts";
import { DistributionError } from "../http/error-codes.ts";
import type { Exchange, Routes } from "../http/exchange.ts";
import { isNotModified, reply } from "../http/replies.ts";
import type { TargetOf } from "../http/target.ts";
import type { Mirror } from "../proxy/mirror.ts";
import { isManifestReference, readPushedManifest, referencesOf, type StoredManifest } from "../storage/manifests.ts";
import type { Storage } from "../storage/storage.ts";
import { type ManifestName, readManifestName, readTag } from "./parse.ts";

/** Tags that one push by digest may set. */
const MAX_TAGS = 100;

type ManifestExchange = Exchange<TargetOf<"manifest">>;

export function manifestRoutes(deps: { storage: Storage; mirror: Mirror | undefined }): Routes {
  const { storage, mirror } = deps;
  const find = (repository: string, name: ManifestName): StoredManifest | undefined => {
    const digest = "digest" in name ? name.digest : storage.tags.get(repository, name.tag);
    return digest === undefined ? undefined : storage.manifests.get(repository, digest);
  };
  const unknown = async (repository: string, reference: string) =>
    new DistributionError((await storage.exists(repository)) ? "MANIFEST_UNKNOWN" : "NAME_UNKNOWN", {
      detail: { name: repository, reference },
    });
  return {
    manifest: {
      async GET({ target, request }) {
        const name = readManifestName(target.reference);
        const manifest = mirror === undefined ? find(target.name, name) : await mirror.manifest(target.name, name);
        if (manifest === undefined) throw await unknown(target.name, target.reference);
        return answer(request, manifest);
      },
      PUT: (exchange) => push(storage, exchange),
      async DELETE({ target }) {
        const name = readManifestName(target.reference);
        const removed =
          "tag" in name
            ? await storage.tags.remove(target.name, name.tag)
            : await removeManifest(storage, target.name, name.digest);
        if (!removed) throw await unknown(target.name, target.reference);
        return reply(202);
      },
    },
  };
}

function answer(request: Request, { digest, mediaType, bytes }: StoredManifest): Response {
  const etag = `"${digest}"`;
  const headers = { "Docker-Content-Digest": digest, ETag: etag };
  if (isNotModified(request, etag)) return reply(304, headers);
  const entity = { ...headers, "Content-Type": mediaType, "Content-Length": String(bytes.length) };
  return reply(200, entity, request.method === "HEAD" ? null : (bytes as Uint8Array<ArrayBuffer>));
}

/** Tags first: none may lead to nothing. */
async function removeManifest({ tags, manifests }: Storage, repository: string, digest: Digest): Promise<boolean> {
  if (!manifests.has(repository, digest)) return false;
  for (const tag of await tags.of(repository, digest)) await tags.remove(repository, tag);
  return manifests.remove(repository, digest);
}

async function push(storage: Storage, exchange: ManifestExchange): Promise<Response> {
  const { name, reference } = exchange.target;
  const wanted = readManifestName(reference);
  const tags = tagsToSet(wanted, exchange.query);
  const bytes = await exchange.document(MAX_MANIFEST_BYTES);
  const digest = checkedDigest(bytes, wanted);
  const document = readPushedManifest(bytes, exchange.request.headers.get("content-type"));
  await checkReferences(storage, name, document);
  await storage.manifests.put(name, { digest, bytes, mediaType: document.mediaType }, document);
  for (const tag of tags) await storage.tags.set(name, tag, digest);
  const response = reply(201, {
    Location: `/v2/${name}/manifests/${digest}`,
    "Docker-Content-Digest": digest,
    "Content-Length": "0",
    ...(document.subject === undefined ? {} : { "OCI-Subject": document.subject.digest }),
  });
  if ("digest" in wanted) for (const tag of tags) response.headers.append("OCI-Tag", tag);
  return response;
}

function tagsToSet(wanted: ManifestName, query: URLSearchParams): string[] {
  if ("tag" in wanted) return [wanted.tag];
  const tags = query.getAll("tag").map(readTag);
  if (tags.length > MAX_TAGS) throw new DistributionError("TAG_INVALID", { message: `more than ${MAX_TAGS} tags` });
  return tags;
}

function checkedDigest(bytes: Uint8Array, wanted: ManifestName): Digest {
  const stream = createDigestStream("digest" in wanted ? algorithmOf(wanted.digest) : "sha256");
  stream.update(bytes);
  const actual = stream.digest();
  if ("digest" in wanted && actual !== wanted.digest)
    throw new DistributionError("DIGEST_INVALID", { detail: { digest: wanted.digest, actual } });
  return actual;
}

/** What a manifest names must be in the same repository, and of the size that it says; asking marks it as used. */
async function checkReferences(storage: Storage, repository: string, document: ManifestDocument): Promise<void> {
  for (const descriptor of referencesOf(document)) {
    const { digest, sizeBytes } = descriptor;
    const actual = isManifestReference(document, descriptor)
      ? await manifestSize(storage, repository, digest)
      : ((await storage.links.use({ repository, kind: "_blobs" }, digest))?.sizeBytes ??
        (document.kind === "index" ? await manifestSize(storage, repository, digest) : undefined));
    if (actual === undefined) throw new DistributionError("MANIFEST_BLOB_UNKNOWN", { detail: { digest } });
    if (actual !== sizeBytes)
      throw new DistributionError("MANIFEST_INVALID", {
        message: `manifest invalid: ${digest} has ${actual} bytes, not ${sizeBytes}`,
      });
  }
}

async function manifestSize({ links }: Storage, repository: string, digest: Digest): Promise<number | undefined> {
  return (await links.use({ repository, kind: "_manifests" }, digest))?.sizeBytes;
}
