import { Duplex } from "node:stream";
import { BytesMessage } from "../../../wire/buildkit/session.ts";

/** Bytes of one message; gRPC peers take 4 MiB. */
const CHUNK_BYTES = 512 * 1024;

/** One end of a stream of BytesMessages in both directions: what a client's call and a server's call have in common. */
export interface BytesCall {
  messages: AsyncIterable<Uint8Array>;
  send(message: Uint8Array): Promise<void>;
  /** No more from us. */
  end(): void;
  cancel(): void;
}

/** A stream of bytes through such a call, with backpressure both ways. Its errors are the call's. */
export function bytesDuplex(call: BytesCall): Duplex {
  const incoming = call.messages[Symbol.asyncIterator]();
  let reading = false;
  return new Duplex({
    read() {
      if (reading) return;
      reading = true;
      incoming.next().then(
        ({ done, value }) => {
          reading = false;
          if (done === true) this.push(null);
          else pushMessage(this, value);
        },
        (error: Error) => this.destroy(error),
      );
    },
    write(chunk: Uint8Array, _encoding, callback) {
      sendBytes(call, chunk).then(() => callback(), callback);
    },
    final(callback) {
      call.end();
      callback();
    },
    destroy(error, callback) {
      call.cancel();
      callback(error);
    },
  });
}

function pushMessage(duplex: Duplex, message: Uint8Array): void {
  try {
    const { data } = BytesMessage.decode(message);
    // An empty chunk would not ask for the next one.
    if (data.byteLength === 0) duplex._read(0);
    else duplex.push(data);
  } catch (error) {
    duplex.destroy(error as Error);
  }
}

/** In messages that every peer takes. */
export async function sendBytes(call: Pick<BytesCall, "send">, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.byteLength; at += CHUNK_BYTES) {
    await call.send(BytesMessage.encode({ data: bytes.subarray(at, at + CHUNK_BYTES) }));
  }
}
