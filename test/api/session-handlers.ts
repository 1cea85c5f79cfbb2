import { type ServerDuplexStream, status } from "@grpc/grpc-js";
import { toGoMode } from "../../src/wire/file-mode.ts";
import type { Handlers, Message } from "./buildkit-peer.ts";

type Stream = ServerDuplexStream<Message, Message>;
type Callback = (error: { code: number; details: string } | null, answer?: Message) => void;

/** One thing in a directory of the test's client. */
export interface ClientFile {
  path: string;
  /** st_mode; default: a file, 0644. */
  mode?: number;
  content?: string;
  linkname?: string;
  uid?: number;
  xattrs?: Record<string, Buffer>;
}

/** What fsutil's sender does, as the protocol is described: all names, then contents as they are asked for. */
export function sendFiles(stream: Stream, files: ClientFile[]): void {
  for (const { path, mode = 0o100644, content = "", linkname = "", uid = 0, xattrs = {} } of files) {
    const stat = {
      path,
      mode: toGoMode(mode),
      uid,
      gid: 0,
      size: content.length,
      modTime: 1_700_000_000,
      linkname,
      xattrs,
    };
    stream.write({ type: 0, stat });
  }
  stream.write({ type: 0 });
  stream.on("data", ({ type, ID }: Message) => {
    if (type === 3) {
      stream.write({ type: 3 });
      stream.end();
      return;
    }
    const content = Buffer.from(files[ID]?.content ?? "");
    for (let at = 0; at < content.byteLength; at += 32_768) {
      stream.write({ type: 2, ID, data: content.subarray(at, at + 32_768) });
    }
    stream.write({ type: 2, ID });
  });
}

/** Directories of a client by name; others are refused as docker does. `seen`: the metadata of each request. */
export function fileSync(directories: Record<string, ClientFile[]>, seen: Record<string, unknown>[] = []): Handlers {
  return {
    "moby.filesync.v1.FileSync": {
      DiffCopy(stream: Stream) {
        const metadata = stream.metadata.getMap();
        const keys = Object.keys(metadata).filter((key) => /^(dir-name|.*patterns|followpaths)/.test(key));
        seen.push(Object.fromEntries(keys.map((key) => [key, stream.metadata.get(key)])));
        const files = directories[String(metadata["dir-name"])];
        if (files === undefined) stream.emit("error", { code: status.NOT_FOUND, details: "no access allowed to dir" });
        else sendFiles(stream, files);
      },
    },
  };
}

export function secrets(values: Record<string, string>): Handlers {
  return {
    "moby.buildkit.secrets.v1.Secrets": {
      GetSecret({ request }: { request: Message }, callback: Callback) {
        const value = values[request["ID"]];
        if (value === undefined) callback({ code: status.NOT_FOUND, details: `secret ${request["ID"]} not found` });
        else callback(null, { data: Buffer.from(value) });
      },
    },
  };
}

export function auth(accounts: Record<string, { Username: string; Secret: string }>): Handlers {
  return {
    "moby.filesync.v1.Auth": {
      Credentials({ request }: { request: Message }, callback: Callback) {
        callback(null, accounts[request["Host"]] ?? {});
      },
    },
  };
}

/** An agent that says everything back in capitals. */
export function shoutingAgent(id: string): Handlers {
  return {
    "moby.sshforward.v1.SSH": {
      CheckAgent({ request }: { request: Message }, callback: Callback) {
        if (request["ID"] === id) callback(null, {});
        else callback({ code: status.UNKNOWN, details: `unset ssh forward key ${request["ID"]}` });
      },
      ForwardAgent(stream: Stream) {
        stream.on("data", ({ data }: Message) => stream.write({ data: Buffer.from(String(data).toUpperCase()) }));
        stream.on("end", () => stream.end());
      },
    },
  };
}

/**
 * Takes a directory as fsutil's receiver does: asks for each file, ends when it has them all. FileSend's table has BytesMessages, and
 * a directory comes as packets, so this service is made by hand.
 */
export function directoryTarget(packets: Message[]): Handlers {
  return {
    "test.DirectoryTarget": {
      DiffCopy(stream: Stream) {
        const wanted = new Set<number>();
        let [count, listed] = [0, false];
        stream.on("data", (packet: Message) => {
          packets.push(packet);
          const { type, stat, ID, data } = packet;
          if (type === 3) stream.end();
          if (type === 0 && stat === null) listed = true;
          else if (type === 0 && stat.path.endsWith("/f")) {
            wanted.add(count);
            stream.write({ type: 1, ID: count });
          }
          if (type === 0) count++;
          if (type === 2 && data.length === 0) wanted.delete(ID);
          if (listed && wanted.size === 0 && type !== 3) stream.write({ type: 3 });
        });
      },
    },
  };
}
