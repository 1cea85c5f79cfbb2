import type { Digest } from "../../../formats/oci/digest.ts";
import { isRepositoryPath } from "../../../formats/reference/reference.ts";
import { parseChunkRange } from "../http/byte-range.ts";
import { DistributionError, isCode } from "../http/error-codes.ts";
import type { Exchange, Routes } from "../http/exchange.ts";
import { type Headers, reply } from "../http/replies.ts";
import type { TargetOf } from "../http/target.ts";
import type { Storage } from "../storage/storage.ts";
import { type Part, uploadRange } from "../storage/uploads.ts";
import { readDigest } from "./parse.ts";

type UploadsTarget = TargetOf<"uploads">;
type UploadTarget = TargetOf<"upload">;

/** @see OCI distribution-spec "Pushing Blobs" */
export function uploadRoutes({ storage }: { storage: Storage }): Routes {
  const { uploads } = storage;
  return {
    uploads: {
      async POST(exchange) {
        const { name } = exchange.target;
        const mounted = await mount(storage, exchange);
        if (mounted !== undefined) return created(name, mounted);
        const text = exchange.query.get("digest");
        if (text === null) return accepted(name, await uploads.start(name), 0);
        const digest = readDigest(text);
        const id = await uploads.start(name);
        try {
          await uploads.commit(name, id, { ...partOf(exchange), digest });
        } catch (error) {
          // Nobody was told its id, so nobody can go on with it.
          await uploads.cancel(name, id).catch(() => undefined);
          throw error;
        }
        return created(name, digest);
      },
    },
    upload: {
      GET({ target }) {
        const size = uploads.sizeOf(target.name, target.id);
        return reply(204, { ...uploadHeaders(target.name, target.id), Range: uploadRange(size) });
      },
      async PATCH(exchange) {
        const { name, id } = exchange.target;
        return accepted(name, id, await appending(exchange, () => uploads.append(name, id, partOf(exchange))));
      },
      async PUT(exchange) {
        const { name, id } = exchange.target;
        const digest = readDigest(exchange.query.get("digest") ?? "");
        await appending(exchange, () => uploads.commit(name, id, { ...partOf(exchange), digest }));
        return created(name, digest);
      },
      async DELETE({ target }) {
        await uploads.cancel(target.name, target.id);
        return reply(204);
      },
    },
  };
}

/** The digest that was mounted; undefined: an upload starts instead. Rights to the source were checked before. */
async function mount({ links }: Storage, { query, target }: Exchange<UploadsTarget>): Promise<Digest | undefined> {
  const [wanted, from] = [query.get("mount"), query.get("from")];
  if (wanted === null || from === null) return undefined;
  const digest = readDigest(wanted);
  if (!isRepositoryPath(from)) throw new DistributionError("NAME_INVALID", { detail: { name: from.slice(0, 300) } });
  const to = { repository: target.name, kind: "_blobs" } as const;
  return (await links.mount({ repository: from, kind: "_blobs" }, to, digest)) ? digest : undefined;
}

/** The part of the blob that a request carries. Throws BLOB_UPLOAD_INVALID or SIZE_INVALID where its headers contradict each other. */
function partOf({ request, body }: Exchange): Part {
  const header = request.headers.get("content-range");
  const length = request.headers.get("content-length");
  const announced = length === null ? {} : { lengthBytes: Number(length) };
  if (header === null) return { body: body(), ...announced };
  const range = parseChunkRange(header);
  if (range === undefined)
    throw new DistributionError("BLOB_UPLOAD_INVALID", { message: "Content-Range must be <first>-<last>" });
  const lengthBytes = range.end - range.start + 1;
  if (length !== null && Number(length) !== lengthBytes) throw new DistributionError("SIZE_INVALID");
  return { body: body(), offset: range.start, lengthBytes };
}

/** Where a client is out of step it is told where the upload stands. */
async function appending<T>({ target }: Exchange<UploadTarget>, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!isCode(error, "RANGE_INVALID")) throw error;
    const { detail, headers } = error as DistributionError;
    throw new DistributionError("RANGE_INVALID", {
      detail,
      headers: { ...headers, ...uploadHeaders(target.name, target.id) },
    });
  }
}

function uploadHeaders(name: string, id: string): Headers {
  return { Location: `/v2/${name}/blobs/uploads/${id}`, "Docker-Upload-UUID": id };
}

function accepted(name: string, id: string, sizeBytes: number): Response {
  return reply(202, { ...uploadHeaders(name, id), Range: uploadRange(sizeBytes), "Content-Length": "0" });
}

function created(name: string, digest: Digest): Response {
  return reply(201, {
    Location: `/v2/${name}/blobs/${digest}`,
    "Docker-Content-Digest": digest,
    "Content-Length": "0",
  });
}
