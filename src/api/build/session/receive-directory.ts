import { invalid } from "../../../base/errors.ts";
import type { DirectoryRequest, DirectorySink, RemoteEntry } from "../../../builder/session.ts";
import { EntryOrder, fileTypeOf, permissionsOf } from "../../../wire/buildkit/file-entry.ts";
import { PACKET, Packet, SESSION_METHODS, type Stat } from "../../../wire/buildkit/session.ts";
import { encodeMetadata } from "../../../wire/grpc/metadata.ts";
import type { ClientCall, GrpcClient } from "../../grpc/client.ts";

/** Names that one directory may have in all. */
const MAX_ENTRIES = 5_000_000;

/**
 * Takes one of the client's directories: fsutil's DiffCopy, where we are the receiver who has nothing yet.
 * @see spec dockerfile.md "fsutil DiffCopy protocol"
 */
export async function receiveDirectory(
  client: GrpcClient,
  { request, sink, signal }: { request: DirectoryRequest; sink: DirectorySink; signal: AbortSignal },
): Promise<void> {
  const metadata = encodeMetadata({
    "dir-name": [request.name],
    "include-patterns": request.include,
    "exclude-patterns": request.exclude,
    followpaths: request.followPaths,
  });
  const call = client.start(SESSION_METHODS.diffCopy, metadata, signal);
  try {
    const receiver = new Receiver(call, sink);
    for await (const message of call.messages) await receiver.take(Packet.decode(message));
    receiver.ended();
  } catch (error) {
    call.cancel();
    throw error;
  }
}

/** Sends packets in order, beside the reading: the client may wait for us to read before it reads itself. */
class PacketSender {
  readonly #call: ClientCall;
  #waiting: Partial<Packet>[] = [];
  #pumping = false;
  #ended = false;

  constructor(call: ClientCall) {
    this.#call = call;
  }

  push(packet: Partial<Packet>): void {
    this.#waiting.push(packet);
    if (!this.#pumping) void this.#pump();
  }

  /** The last packet. */
  end(packet: Partial<Packet>): void {
    this.#ended = true;
    this.push(packet);
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    try {
      while (this.#waiting.length > 0) {
        for (const packet of this.#waiting.splice(0)) await this.#call.send(Packet.encode(packet));
      }
      if (this.#ended) this.#call.end();
    } catch {
      // The stream is gone: whoever reads it is told, with the reason.
      this.#waiting = [];
    }
    this.#pumping = false;
  }
}

class Receiver {
  readonly #sink: DirectorySink;
  readonly #sender: PacketSender;
  readonly #order = new EntryOrder();
  /** Paths of files that further names may point to. */
  readonly #files = new Set<string>();
  /** Bytes that are still to come, by index. */
  readonly #wanted = new Map<number, number>();
  #count = 0;
  #listed = false;
  #finished = false;

  constructor(call: ClientCall, sink: DirectorySink) {
    this.#sender = new PacketSender(call);
    this.#sink = sink;
  }

  async take(packet: Packet): Promise<void> {
    if (packet.type === PACKET.stat) this.#takeStat(packet.stat);
    else if (packet.type === PACKET.data) await this.#takeData(packet.id, packet.data);
    else if (packet.type === PACKET.error) throw senderFailed(packet.data);
    else if (packet.type !== PACKET.finished) throw invalid(`unexpected packet of type ${packet.type} from the client`);
    else if (!this.#finished) throw invalid("the client ended the transfer too early");
    if (!this.#listed || this.#wanted.size > 0 || this.#finished) return;
    this.#finished = true;
    this.#sender.end({ type: PACKET.finished });
  }

  /** The client has ended its stream. */
  ended(): void {
    if (!this.#finished) throw invalid("the client ended the transfer too early");
  }

  #takeStat(stat: Stat | undefined): void {
    if (this.#listed) throw invalid("the client sent a name after the end of its list");
    if (stat === undefined) {
      this.#listed = true;
      return;
    }
    const entry = this.#check(stat);
    const index = this.#count++;
    const isFile = entry.type === "file" && entry.linkName === "";
    if (isFile) this.#files.add(entry.path);
    if (!this.#sink.entry(entry, index) || !isFile) return;
    this.#wanted.set(index, entry.sizeBytes);
    this.#sender.push({ type: PACKET.request, id: index });
  }

  #check(stat: Stat): RemoteEntry {
    if (this.#count >= MAX_ENTRIES) throw invalid(`the directory has more than ${MAX_ENTRIES} names`);
    const entry = entryOf(stat);
    this.#order.check(entry.path, entry.type === "directory");
    if (entry.type === "file" && entry.linkName !== "" && !this.#files.has(entry.linkName)) {
      throw invalid(`${JSON.stringify(entry.path)} is a link to a file that did not come before it`);
    }
    return entry;
  }

  async #takeData(index: number, data: Uint8Array): Promise<void> {
    const left = this.#wanted.get(index);
    if (left === undefined) throw invalid(`the client sent data for file ${index}, which nobody asked for`);
    if (data.byteLength === 0) {
      this.#wanted.delete(index);
      await this.#sink.end(index);
      return;
    }
    if (data.byteLength > left) throw invalid(`file ${index} of the client grew while it was sent`);
    this.#wanted.set(index, left - data.byteLength);
    await this.#sink.data(index, data);
  }
}

function senderFailed(data: Uint8Array): Error {
  return invalid(`error from sender: ${new TextDecoder().decode(data)}`);
}

function entryOf(stat: Stat): RemoteEntry {
  const type = fileTypeOf(stat.mode);
  if (type === undefined) throw invalid(`${JSON.stringify(stat.path)} is of a kind that is not known`);
  if (stat.size < 0) throw invalid(`${JSON.stringify(stat.path)} has a negative size`);
  return {
    path: stat.path,
    type,
    mode: permissionsOf(stat.mode),
    uid: stat.uid,
    gid: stat.gid,
    sizeBytes: type === "file" ? stat.size : 0,
    modifiedNs: stat.modTime,
    linkName: stat.linkName,
    deviceMajor: stat.deviceMajor,
    deviceMinor: stat.deviceMinor,
    xattrs: stat.xattrs,
  };
}
