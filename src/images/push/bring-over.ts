import { invalid } from "../../base/errors.ts";
import { type Digest, parseDigest } from "../../formats/oci/digest.ts";
import type { Descriptor } from "../../formats/oci/descriptor.ts";
import type { Repository } from "../../registry/client/registry-client.ts";
import { parseRemote } from "../pull/resolve-image.ts";

/** Copies a manifest with its blobs between repositories of one registry, which mounts what it can. `path`: the source's. */
export async function bringOver(
  { source, target, path }: { source: Repository; target: Repository; path: string },
  text: string,
  signal: AbortSignal,
): Promise<void> {
  const digest = parseDigest(text);
  const document = await source.manifest(digest, signal);
  const parsed = parseRemote(document);
  if (parsed.kind === "index") throw invalid(`${digest} is an index: name its manifests`);
  for (const blob of [parsed.config, ...parsed.layers]) {
    if (await target.hasBlob(blob.digest, signal)) continue;
    if (await target.mount(blob.digest, path, signal)) continue;
    await target.upload(blob.digest, passThrough(source, blob, signal), signal);
  }
  await target.putManifest(digest, { ...document, digest: digest satisfies Digest }, signal);
}

/** The target verifies what it is given. */
function passThrough(source: Repository, { digest, sizeBytes }: Descriptor, signal: AbortSignal) {
  return {
    sizeBytes,
    async *from(offset: number) {
      const blob = await source.blob(digest, { offset, signal });
      if (blob.offset !== offset) throw invalid(`blob ${digest} cannot be continued`);
      yield* blob.body;
    },
  };
}
