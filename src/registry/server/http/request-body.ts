import { DistributionError } from "./error-codes.ts";
import { readStream } from "./read-stream.ts";

export interface BodyLimits {
  /** A client that sends nothing for so long is left. */
  stallMs: number;
}

/** A request's body as it comes; Bun stops reading the socket while the consumer is busy. Throws UPLOAD_STALLED. */
export async function* readBody(request: Request, { stallMs }: BodyLimits): AsyncGenerator<Uint8Array> {
  if (request.body === null) return;
  yield* readStream(request.body, { stallMs, stalled });
}

/** The rest of the body will not come, so nothing can follow on this connection. */
function stalled(): DistributionError {
  return new DistributionError("UPLOAD_STALLED", { headers: { Connection: "close" } });
}

/** A document's bytes. Throws MANIFEST_TOO_LARGE as soon as it is known to be larger than `limitBytes`. */
export async function readDocument(request: Request, limitBytes: number, limits: BodyLimits): Promise<Uint8Array> {
  const tooLarge = () => new DistributionError("MANIFEST_TOO_LARGE", { detail: { limitBytes } });
  if (Number(request.headers.get("content-length") ?? 0) > limitBytes) throw tooLarge();
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of readBody(request, limits)) {
    size += piece.length;
    if (size > limitBytes) throw tooLarge();
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
