import { EngineError, isKind } from "../../../base/errors.ts";
import type { ClientLayouts } from "../../../builder/session.ts";
import {
  CONTENT_METHODS,
  InfoRequest,
  InfoResponse,
  ReadContentRequest,
  ReadContentResponse,
  STORE_ID,
  WRITE_ACTION,
  WriteContentRequest,
  WriteContentResponse,
} from "../../../wire/buildkit/content.ts";
import { encodeMetadata } from "../../../wire/grpc/metadata.ts";
import type { GrpcClient } from "../../grpc/client.ts";

/** Bytes of one message; BuildKit's own limit of a message is 16 MiB, containerd's pieces have 1 MiB. */
const CHUNK_BYTES = 1 << 20;

/** Stores of blobs of a client that serves containerd's content service. */
export function contentLayouts(client: GrpcClient): ClientLayouts {
  return {
    async has(id, digest, signal) {
      const call = client.start(CONTENT_METHODS.info, metadataOf(id), signal);
      try {
        await call.send(InfoRequest.encode({ digest }));
        call.end();
        let found = false;
        for await (const message of call.messages) found ||= InfoResponse.decode(message).info !== undefined;
        return found;
      } catch (error) {
        call.cancel();
        if (isKind(error, "not-found")) return false;
        throw error;
      }
    },
    async *read(id, digest, signal) {
      const call = client.start(CONTENT_METHODS.read, metadataOf(id), signal);
      try {
        await call.send(ReadContentRequest.encode({ digest }));
        call.end();
        for await (const message of call.messages) yield ReadContentResponse.decode(message).data;
      } finally {
        call.cancel();
      }
    },
    write: (id, blob, signal) => writeBlob(client, { id, ...blob }, signal),
  };
}

function metadataOf(id: string): Record<string, string[]> {
  return encodeMetadata({ [STORE_ID]: [id] });
}

/** Each request is answered before the next is sent: so the service wants it. A blob that is there already is a success. */
async function writeBlob(
  client: GrpcClient,
  { id, digest, sizeBytes, bytes }: { id: string } & Parameters<ClientLayouts["write"]>[1],
  signal: AbortSignal,
): Promise<void> {
  const call = client.start(CONTENT_METHODS.write, metadataOf(id), signal);
  const answers = call.messages[Symbol.asyncIterator]();
  const common = { ref: `gantry-${digest}`, total: sizeBytes, expected: digest };
  const ask = async (request: { action: number; offset: number; data?: Uint8Array }) => {
    await call.send(WriteContentRequest.encode({ ...common, ...request }));
    const answer = await answers.next();
    if (answer.done === true) throw new EngineError("unavailable", `the client ended while blob ${digest} was written`);
    return WriteContentResponse.decode(answer.value);
  };
  try {
    let offset = 0;
    for await (const chunk of bytes) {
      for (let at = 0; at < chunk.byteLength; at += CHUNK_BYTES) {
        const data = chunk.subarray(at, at + CHUNK_BYTES);
        await ask({ action: WRITE_ACTION.write, offset, data });
        offset += data.byteLength;
      }
    }
    await ask({ action: WRITE_ACTION.commit, offset });
    call.end();
    while ((await answers.next()).done !== true);
  } catch (error) {
    call.cancel();
    if (isKind(error, "conflict")) return;
    throw error;
  }
}
