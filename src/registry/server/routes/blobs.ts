import type { Digest } from "../../../formats/oci/digest.ts";
import { parseRange } from "../http/byte-range.ts";
import { DistributionError } from "../http/error-codes.ts";
import type { Exchange, Routes } from "../http/exchange.ts";
import { isNotModified, reply } from "../http/replies.ts";
import type { TargetOf } from "../http/target.ts";
import type { Mirror } from "../proxy/mirror.ts";
import { type BlobSource, fileSource } from "../storage/blob-source.ts";
import type { Storage } from "../storage/storage.ts";
import { readDigest } from "./parse.ts";

type BlobExchange = Exchange<TargetOf<"blob">>;

/** Content by digest never changes. */
const FOR_EVER = "max-age=31536000, immutable";

export function blobRoutes(deps: { storage: Storage; mirror: Mirror | undefined }): Routes {
  const { storage, mirror } = deps;
  const serve = async ({ target, request }: BlobExchange): Promise<Response> => {
    const digest = readDigest(target.digest);
    // Also for a GET: a client may ask that way whether it must push.
    const found = await storage.links.use({ repository: target.name, kind: "_blobs" }, digest);
    const source = found === undefined ? await mirror?.blob(target.name, digest) : fileSource(found);
    if (source === undefined) throw new DistributionError("BLOB_UNKNOWN", { detail: { digest } });
    return answer(request, digest, source);
  };
  return {
    blob: {
      GET: serve,
      async DELETE({ target }) {
        const digest = readDigest(target.digest);
        const removed = await storage.links.remove({ repository: target.name, kind: "_blobs" }, digest);
        if (!removed) throw new DistributionError("BLOB_UNKNOWN", { detail: { digest } });
        return reply(202, { "Docker-Content-Digest": digest });
      },
    },
  };
}

function answer(request: Request, digest: Digest, source: BlobSource): Response {
  const { sizeBytes } = source;
  const etag = `"${digest}"`;
  const headers = {
    "Docker-Content-Digest": digest,
    "Accept-Ranges": "bytes",
    "Cache-Control": FOR_EVER,
    ETag: etag,
  };
  if (isNotModified(request, etag)) return reply(304, headers);
  const entity = { ...headers, "Content-Type": "application/octet-stream", "Content-Disposition": "attachment" };
  const ifRange = request.headers.get("if-range");
  const asked = ifRange === null || ifRange === etag ? request.headers.get("range") : null;
  const range = parseRange(asked, sizeBytes);
  if (range === "unsatisfiable")
    throw new DistributionError("RANGE_INVALID", { headers: { "Content-Range": `bytes */${sizeBytes}` } });
  const { start, end } = range === "all" ? { start: 0, end: sizeBytes - 1 } : range;
  const length = String(end - start + 1);
  const part = range === "all" ? {} : { "Content-Range": `bytes ${start}-${end}/${sizeBytes}` };
  const status = range === "all" ? 200 : 206;
  const body = request.method === "HEAD" || sizeBytes === 0 ? null : source.body(start, end);
  return reply(status, { ...entity, ...part, "Content-Length": length }, body);
}
