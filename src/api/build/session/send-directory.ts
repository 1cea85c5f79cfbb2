import { EngineError, invalid } from "../../../base/errors.ts";
import type { OutgoingDirectory, RemoteEntry } from "../../../builder/session.ts";
import { kernelMode } from "../../../wire/buildkit/file-entry.ts";
import { PACKET, Packet, Stat } from "../../../wire/buildkit/session.ts";
import { toGoMode } from "../../../wire/file-mode.ts";
import type { ClientCall } from "../../grpc/client.ts";

/** Bytes of one DATA packet. */
const CHUNK_BYTES = 32 * 1024;
/** Requests that a client may have made and not been answered. */
const MAX_REQUESTS = 5_000_000;

/** Gives the client a directory: fsutil's DiffCopy, where we are the sender. Resolves when the client has it all. */
export async function sendDirectory(call: ClientCall, directory: OutgoingDirectory): Promise<void> {
  const requests = new Requests(call.messages);
  try {
    const files = await sendList(call, directory.entries());
    for (;;) {
      const index = await requests.next();
      if (index === undefined) break;
      const path = files.get(index);
      if (path === undefined) throw invalid(`the client asked for file ${index}, which there is not`);
      files.delete(index);
      await sendFile(call, index, directory.read(path));
    }
    await call.send(Packet.encode({ type: PACKET.finished }));
    call.end();
    await requests.ended;
  } catch (error) {
    call.cancel();
    throw error;
  }
}

/** Returns the paths of the files by their place in the list. */
async function sendList(call: ClientCall, entries: AsyncIterable<RemoteEntry>): Promise<Map<number, string>> {
  const files = new Map<number, string>();
  let index = 0;
  for await (const entry of entries) {
    if (entry.type === "file" && entry.linkName === "") files.set(index, entry.path);
    index++;
    await call.send(Packet.encode({ type: PACKET.stat, stat: statOf(entry) }));
  }
  await call.send(Packet.encode({ type: PACKET.stat }));
  return files;
}

async function sendFile(call: ClientCall, id: number, content: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of content) {
    for (let at = 0; at < chunk.byteLength; at += CHUNK_BYTES) {
      await call.send(Packet.encode({ type: PACKET.data, id, data: chunk.subarray(at, at + CHUNK_BYTES) }));
    }
  }
  await call.send(Packet.encode({ type: PACKET.data, id }));
}

function statOf(entry: RemoteEntry): Stat {
  return Stat.create({
    path: entry.path,
    mode: toGoMode(kernelMode(entry.type, entry.mode)),
    uid: entry.uid,
    gid: entry.gid,
    size: entry.sizeBytes,
    modTime: entry.modifiedNs,
    linkName: entry.linkName,
    deviceMajor: entry.deviceMajor,
    deviceMinor: entry.deviceMinor,
    xattrs: entry.xattrs,
  });
}

/** What the client asks for, read as it comes: a client that asks while we send must not wait for us. */
class Requests {
  readonly #waiting: number[] = [];
  #wake: (() => void) | undefined;
  #finished = false;
  #failure: { error: unknown } | undefined;
  /** When the client's stream is over. Rejects with what was wrong with it. */
  readonly ended: Promise<void>;

  constructor(messages: AsyncIterable<Uint8Array>) {
    this.ended = this.#read(messages);
    this.ended.catch((error: unknown) => {
      this.#failure = { error };
      this.#wake?.();
    });
  }

  /** undefined: the client has everything. */
  async next(): Promise<number | undefined> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.error;
      const index = this.#waiting.shift();
      if (index !== undefined || this.#finished) return index;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async #read(messages: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const message of messages) {
      const packet = Packet.decode(message);
      if (packet.type === PACKET.error) throw invalid(`error from receiver: ${new TextDecoder().decode(packet.data)}`);
      if (packet.type === PACKET.request) this.#waiting.push(packet.id);
      else if (packet.type === PACKET.finished) this.#finished = true;
      if (this.#waiting.length > MAX_REQUESTS) throw invalid("the client asked for too many files at once");
      this.#wake?.();
    }
    if (!this.#finished) throw new EngineError("unavailable", "the client ended the transfer too early");
  }
}
