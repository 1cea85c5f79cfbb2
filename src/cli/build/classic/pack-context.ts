import { createMatcher, MAX_IGNORE_FILE_BYTES, parseIgnoreFile } from "../../../formats/dockerignore/patterns.ts";
import { encodeEnd, encodeEntry, encodePadding } from "../../../formats/tar/packer.ts";
import type { WalkEntry } from "../../../wire/build-walk.ts";
import type { FileTree } from "../file-tree.ts";
import { EVERYTHING, type Inclusion, inclusionOf } from "../selection.ts";

const CHUNK_BYTES = 256 * 1024;
const IGNORE_FILE = ".dockerignore";

export interface PackContext {
  tree: FileTree;
  /** Within the tree; undefined: it is `extra`. */
  dockerfile: string | undefined;
  /** A Dockerfile from elsewhere, and what it is called in the archive. */
  extra: { name: string; content: Uint8Array } | undefined;
}

/**
 * A context as an archive, for daemons that want one: without what its ignore file leaves out, but with that file and the Dockerfile,
 * which the daemon reads. @see docker/cli cli/command/image/build/context.go
 */
export async function* packContext({
  tree,
  dockerfile,
  extra,
}: PackContext): AsyncGenerator<Uint8Array, void, undefined> {
  const patterns = ignorePatterns(tree, dockerfile);
  const kept = [IGNORE_FILE, ...(dockerfile === undefined ? [] : [dockerfile])].map((name) => `!${name}`);
  const exclude = createMatcher(patterns.length === 0 ? [] : [...patterns, ...kept]);
  for (const entry of tree.walk({ include: EVERYTHING, exclude })) {
    yield headerOf(entry);
    if (entry.type === "file" && entry.linkName === "") yield* contentOf(tree, entry);
  }
  if (extra !== undefined) {
    const entry: WalkEntry = { ...EMPTY_ENTRY, path: extra.name, sizeBytes: extra.content.byteLength };
    yield headerOf(entry);
    yield extra.content;
    yield encodePadding(entry.sizeBytes);
  }
  yield encodeEnd();
}

const EMPTY_ENTRY: WalkEntry = {
  path: "",
  type: "file",
  mode: 0o600,
  sizeBytes: 0,
  modifiedSeconds: 0,
  modifiedNanoseconds: 0,
  linkName: "",
  deviceMajor: 0,
  deviceMinor: 0,
};

/** Of the file that goes with the Dockerfile, else of the context's. */
function ignorePatterns(tree: FileTree, dockerfile: string | undefined): string[] {
  const names = [...(dockerfile === undefined ? [] : [`${dockerfile}${IGNORE_FILE}`]), IGNORE_FILE];
  const found = names
    .map((name) => readSmallFile(tree, name, MAX_IGNORE_FILE_BYTES))
    .find((bytes) => bytes !== undefined);
  return found === undefined ? [] : parseIgnoreFile(new TextDecoder().decode(found));
}

/** undefined: there is none. Throws when it is larger. */
export function readSmallFile(tree: FileTree, path: string, limitBytes: number): Uint8Array | undefined {
  const include: Inclusion = inclusionOf([path]);
  for (const entry of tree.walk({ include, exclude: createMatcher([]) })) {
    if (entry.path !== path || entry.type !== "file") continue;
    if (entry.sizeBytes > limitBytes) throw new Error(`${path} is larger than ${limitBytes} bytes`);
    return readWhole(tree, entry);
  }
  return undefined;
}

function readWhole(tree: FileTree, { path, sizeBytes }: WalkEntry): Uint8Array {
  const file = tree.open(path);
  try {
    const bytes = new Uint8Array(sizeBytes);
    let done = 0;
    for (let count = -1; count !== 0 && done < sizeBytes; done += count)
      count = file.read(bytes, done, sizeBytes - done);
    return bytes.subarray(0, done);
  } finally {
    file.close();
  }
}

function headerOf(entry: WalkEntry): Uint8Array {
  const { type, path, mode, sizeBytes, linkName } = entry;
  const isFurtherName = type === "file" && linkName !== "";
  return encodeEntry({
    type: isFurtherName ? "hardlink" : type,
    name: Buffer.from(type === "directory" ? `${path}/` : path),
    ...(linkName === "" ? {} : { linkName: Buffer.from(linkName) }),
    mode,
    uid: 0,
    gid: 0,
    sizeBytes: isFurtherName ? 0 : sizeBytes,
    modifiedAt: { seconds: BigInt(entry.modifiedSeconds), nanoseconds: entry.modifiedNanoseconds },
    ...(type === "character" || type === "block"
      ? { deviceMajor: entry.deviceMajor, deviceMinor: entry.deviceMinor }
      : {}),
  });
}

/** As many bytes as the header says: what a file lacks meanwhile is filled up. */
function* contentOf(tree: FileTree, { path, sizeBytes }: WalkEntry): Generator<Uint8Array> {
  const file = tree.open(path);
  try {
    for (let left = sizeBytes; left > 0; ) {
      const chunk = new Uint8Array(Math.min(CHUNK_BYTES, left));
      const count = file.read(chunk, 0, chunk.byteLength) || chunk.byteLength;
      yield chunk.subarray(0, count);
      left -= count;
    }
  } finally {
    file.close();
  }
  yield encodePadding(sizeBytes);
}
