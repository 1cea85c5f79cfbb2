import { EngineError, invalid } from "../../../base/errors.ts";
import { encodeEnd, encodeEntry } from "../../../formats/tar/packer.ts";
import type { RootView } from "../../../kernel/root-view.ts";
import { pack } from "../../../storage/snapshots/pack/pack.ts";
import { openTree, type TreeReader } from "../../../storage/snapshots/pack/tree-reader.ts";
import type { RemoteEntry } from "../../session.ts";
import { entriesOf, type ListedFile, tarOf } from "../archive/file-list.ts";

/** Files of one platform, as they go out. */
export interface TreePart {
  /** Directory that they go into, with a slash behind it; "": none. */
  prefix: string;
  view: RootView;
  /** Said about them: beside them. */
  extra: ListedFile[];
}

export interface PartOptions {
  /** Of everything; undefined: each file has its own time. */
  epochSeconds: number | undefined;
  signal: AbortSignal;
}

/** All parts, one after the other, as one archive. */
export async function* archiveOf(parts: TreePart[], { epochSeconds, signal }: PartOptions): AsyncGenerator<Uint8Array> {
  const seconds = epochSeconds ?? 0;
  for (const { prefix, view, extra } of parts) {
    const modifiedAt = { seconds: BigInt(seconds), nanoseconds: 0 };
    if (prefix !== "") yield encodeEntry({ type: "directory", name: prefix, mode: 0o755, sizeBytes: 0, modifiedAt });
    const { stream } = await pack({ kind: "part", view, prefix, epochSeconds }, signal);
    yield* stream;
    const files = extra.map((file) => ({ ...file, path: prefix + file.path }));
    yield* tarOf(files, { epochSeconds: seconds, isPart: true });
  }
  yield encodeEnd();
}

/** One part whose tree is looked into on demand. */
export interface OpenPart extends TreePart {
  tree: TreeReader;
}

/** Opens the trees. Throws invalid-argument where a file would be there twice. */
export async function openParts(parts: TreePart[]): Promise<{ parts: OpenPart[]; close: () => Promise<void> }> {
  const open = parts.map((part) => ({ ...part, tree: openTree(part.view) }));
  const close = async () => {
    await Promise.all(open.map(({ tree }) => tree.close()));
  };
  try {
    for (const { tree, extra } of open) {
      const names = extra.length === 0 ? [] : await tree.names("/");
      const twice = extra.find(({ path }) => names.includes(path));
      if (twice === undefined) continue;
      throw invalid(`${twice.path} is a file of the build, too: choose another attestation-prefix`);
    }
    return { parts: open, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** In one order over all of them. Prefixes must be in order. */
export async function* entriesOfParts(parts: OpenPart[], { epochSeconds }: PartOptions): AsyncGenerator<RemoteEntry> {
  const modifiedNs = epochSeconds === undefined ? undefined : BigInt(epochSeconds) * 1_000_000_000n;
  for (const { prefix, tree, extra } of parts) {
    if (prefix !== "") yield directory(prefix.slice(0, -1), modifiedNs ?? 0n);
    for await (const entry of merged(tree.entries(), entriesOf(extra, { epochSeconds: epochSeconds ?? 0 }))) {
      const linkName = entry.type === "file" && entry.linkName !== "" ? prefix + entry.linkName : entry.linkName;
      yield { ...entry, linkName, path: prefix + entry.path, modifiedNs: modifiedNs ?? entry.modifiedNs };
    }
  }
}

/** A file of one of the parts. Throws not-found. */
export function readPart(parts: OpenPart[], path: string): AsyncIterable<Uint8Array> {
  const part = parts.find(({ prefix }) => path.startsWith(prefix));
  if (part === undefined) throw new EngineError("not-found", `no such file: ${path}`);
  const name = path.slice(part.prefix.length);
  return part.extra.find((file) => file.path === name)?.read() ?? part.tree.read(`/${name}`);
}

function directory(path: string, modifiedNs: bigint): RemoteEntry {
  const owner = { uid: 0, gid: 0, deviceMajor: 0, deviceMinor: 0, linkName: "", xattrs: new Map() };
  return { ...owner, path, type: "directory", mode: 0o755, sizeBytes: 0, modifiedNs };
}

/** Few further entries, put where they belong. */
async function* merged(
  entries: AsyncIterable<RemoteEntry>,
  further: AsyncIterable<RemoteEntry>,
): AsyncGenerator<RemoteEntry> {
  const waiting: RemoteEntry[] = [];
  for await (const entry of further) waiting.push(entry);
  for await (const entry of entries) {
    while (waiting[0] !== undefined && isBefore(waiting[0], entry)) yield waiting.shift() as RemoteEntry;
    yield entry;
  }
  yield* waiting;
}

/** Of the depth-first order: a slash is less than any byte of a name. */
function isBefore(left: RemoteEntry, right: RemoteEntry): boolean {
  const key = ({ path }: RemoteEntry) => Buffer.from(path.replaceAll("/", "\0"));
  return Buffer.compare(key(left), key(right)) < 0;
}
