import { EngineError, invalid } from "../../base/errors.ts";
import type { DirectorySink, RemoteEntry } from "../../builder/session.ts";
import type { MessageStream } from "../../wire/build-channel.ts";
import { EntryReader, readPieces, WALK, type WalkEntry, WantPacker } from "../../wire/build-walk.ts";

/** Entries of one directory of a client. */
const MAX_ENTRIES = 5_000_000;

interface WantedFile {
  leftBytes: number;
}

/** Takes a walk and the files that `sink` wants of it; returns when all are there. Throws invalid-argument for what is no walk. */
export async function receiveWalk(stream: MessageStream, sink: DirectorySink): Promise<void> {
  const entries = new EntryReader();
  const wants = new WantPacker();
  const wanted = new Map<number, WantedFile>();
  let [count, done] = [0, false];
  for await (const message of stream) {
    if (message[0] === WALK.entries && !done) {
      for (const entry of checked(() => entries.read(message))) {
        if (count >= MAX_ENTRIES) throw invalid(`the context has more than ${MAX_ENTRIES} files`);
        if (sink.entry(toRemote(entry), count) && entry.type === "file" && entry.linkName === "") {
          wanted.set(count, { leftBytes: entry.sizeBytes });
          wants.add(count);
        }
        count++;
      }
      if (wants.byteLength > 0) await stream.send(wants.flush());
    } else if (message[0] === WALK.done && !done) done = true;
    else if (message[0] === WALK.pieces) await takePieces(message, wanted, sink);
    else throw invalid("the client sends what is no part of a walk");
    if (done && wanted.size === 0) return;
  }
  throw new EngineError("unavailable", "the client ended the transfer of a context");
}

async function takePieces(message: Uint8Array, wanted: Map<number, WantedFile>, sink: DirectorySink): Promise<void> {
  for (const { index, bytes, last } of checked(() => readPieces(message))) {
    const file = wanted.get(index);
    if (file === undefined) throw invalid(`the client sends file ${index}, which was not asked for`);
    file.leftBytes -= bytes.byteLength;
    // A file that grows or shrinks meanwhile is as long as what was told: the client cuts it or fills it up.
    if (file.leftBytes < 0 || (last && file.leftBytes !== 0))
      throw invalid(`file ${index} has another size than was told`);
    // A copy of its own: given to a worker, a view would take the whole message along, with each small file again.
    if (bytes.byteLength > 0) await sink.data(index, bytes.slice());
    if (!last) continue;
    wanted.delete(index);
    await sink.end(index);
  }
}

/** A generator whose errors are the client's fault. */
function* checked<T>(make: () => Generator<T>): Generator<T, void, undefined> {
  const values = make();
  for (;;) {
    let next: IteratorResult<T>;
    try {
      next = values.next();
    } catch (error) {
      throw invalid(error instanceof Error ? error.message : String(error), { cause: error });
    }
    if (next.done === true) return;
    yield next.value;
  }
}

function toRemote(entry: WalkEntry): RemoteEntry {
  const { path, type, mode, sizeBytes, linkName, deviceMajor, deviceMinor } = entry;
  return {
    path,
    type,
    mode,
    uid: 0,
    gid: 0,
    sizeBytes,
    modifiedNs: BigInt(entry.modifiedSeconds) * 1_000_000_000n + BigInt(entry.modifiedNanoseconds),
    linkName,
    deviceMajor,
    deviceMinor,
    xattrs: new Map(),
  };
}
