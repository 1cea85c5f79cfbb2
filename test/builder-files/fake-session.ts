import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import type { BuildSession, DirectoryRequest, DirectorySink, RemoteEntry } from "../../src/builder/session.ts";
import { getXattr, listXattrs } from "../../src/kernel/xattr.ts";

export interface FakeSession extends BuildSession {
  requests: DirectoryRequest[];
  /** Paths that were asked for, over all requests. */
  wanted: string[];
  /** Entries that are told instead of those of a directory. */
  entries: RemoteEntry[] | undefined;
  /** Content of a file, instead of what is on disk. */
  content: (path: string) => Uint8Array;
  secrets: Record<string, string>;
}

const CHUNK_BYTES = 32 * 1024;

/** A client that sends directories of this host, all of them, two files at a time. */
export function fakeSession(directories: Record<string, string>): FakeSession {
  let root = "";
  const session: FakeSession = {
    id: "session",
    closed: new AbortController().signal,
    hasDirectories: true,
    requests: [],
    wanted: [],
    entries: undefined,
    secrets: {},
    content: (path) => readFileSync(join(root, path)),
    async receive(request, sink, signal) {
      session.requests.push(request);
      root = directories[request.name] ?? "";
      const entries = session.entries ?? [...walk(root, "")];
      const wanted: number[] = [];
      for (const [index, entry] of entries.entries()) {
        signal.throwIfAborted();
        if (sink.entry(entry, index)) wanted.push(index);
      }
      session.wanted.push(...wanted.map((index) => (entries[index] as RemoteEntry).path));
      for (let at = 0; at < wanted.length; at += 2) {
        signal.throwIfAborted();
        await sendTogether(
          sink,
          wanted
            .slice(at, at + 2)
            .map((index) => ({ index, bytes: session.content((entries[index] as RemoteEntry).path) })),
        );
      }
    },
    secret: async (id) => (session.secrets[id] === undefined ? undefined : Buffer.from(session.secrets[id])),
    hasAgent: async () => false,
    openAgent: () => Promise.reject(new Error("no agent")),
    credentials: async () => undefined,
    sendArchive: () => Promise.reject(new Error("not faked")),
    sendDirectory: () => Promise.reject(new Error("not faked")),
  };
  return session;
}

/** In pieces by turns. */
async function sendTogether(sink: DirectorySink, files: { index: number; bytes: Uint8Array }[]): Promise<void> {
  const longest = Math.max(...files.map(({ bytes }) => bytes.length));
  for (let at = 0; at < longest; at += CHUNK_BYTES) {
    for (const { index, bytes } of files) {
      if (at < bytes.length) await sink.data(index, bytes.subarray(at, at + CHUNK_BYTES));
    }
  }
  for (const { index } of files) await sink.end(index);
}

function* walk(root: string, path: string): Generator<RemoteEntry> {
  const first = new Map<bigint, string>();
  yield* walkBelow(root, path, first);
}

function* walkBelow(root: string, path: string, first: Map<bigint, string>): Generator<RemoteEntry> {
  const names = readdirSync(join(root, path)).sort((one, other) => Buffer.from(one).compare(Buffer.from(other)));
  for (const name of names) {
    const own = path === "" ? name : `${path}/${name}`;
    const status = lstatSync(join(root, own), { bigint: true });
    const known = status.isFile() && status.nlink > 1n ? first.get(status.ino) : undefined;
    if (status.isFile()) first.set(status.ino, known ?? own);
    yield {
      path: own,
      type: status.isDirectory()
        ? "directory"
        : status.isSymbolicLink()
          ? "symlink"
          : status.isFIFO()
            ? "fifo"
            : "file",
      mode: Number(status.mode) & 0o7777,
      uid: Number(status.uid),
      gid: Number(status.gid),
      // As BuildKit's client: another name has no size of its own.
      sizeBytes: known === undefined ? Number(status.size) : 0,
      modifiedNs: status.mtimeNs,
      linkName: status.isSymbolicLink() ? readlinkSync(join(root, own)) : (known ?? ""),
      deviceMajor: 0,
      deviceMinor: 0,
      xattrs: status.isFile() ? xattrsOf(join(root, own)) : new Map(),
    };
    if (status.isDirectory()) yield* walkBelow(root, own, first);
  }
}

function xattrsOf(path: string): Map<string, Uint8Array> {
  return new Map(listXattrs(path).map((name) => [name.toString(), getXattr(path, name) ?? Buffer.alloc(0)]));
}

/** `d/` a directory, `a` a file of two bytes, `l>x` a link, `h=a` a further name: what a hostile client might tell. */
export function remoteEntries(...texts: string[]): RemoteEntry[] {
  return texts.map((text) => {
    const [, path = "", kind = "", link = ""] = /^([^>=]*?)(\/$|>|=|$)(.*)$/s.exec(text) ?? [];
    const type = kind === "/" ? "directory" : kind === ">" ? "symlink" : "file";
    const zeros = { mode: 0o644, uid: 0, gid: 0, modifiedNs: 0n, deviceMajor: 0, deviceMinor: 0 };
    return { ...zeros, path, type, linkName: link, sizeBytes: 2, xattrs: new Map() };
  });
}
