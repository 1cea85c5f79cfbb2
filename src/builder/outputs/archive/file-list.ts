import { EngineError } from "../../../base/errors.ts";
import { encodeEnd, encodeEntry, encodePadding } from "../../../formats/tar/packer.ts";
import type { OutgoingDirectory, RemoteEntry } from "../../session.ts";

/** A regular file that is made up. */
export interface ListedFile {
  /** Relative. */
  path: string;
  sizeBytes: number;
  read: () => AsyncIterable<Uint8Array>;
}

/** Of all files, in seconds. */
export interface FileTimes {
  epochSeconds: number;
}

const DIRECTORY_MODE = 0o755;
const FILE_MODE = 0o644;

export function listedBytes(path: string, bytes: Uint8Array): ListedFile {
  return {
    path,
    sizeBytes: bytes.length,
    async *read() {
      yield bytes;
    },
  };
}

/**
 * Files with the directories that they lie in, in the order of their list. `isPart`: of an archive that has the directories and is
 * ended by somebody else.
 */
export async function* tarOf(
  files: ListedFile[],
  { epochSeconds, isPart = false }: FileTimes & { isPart?: boolean },
): AsyncGenerator<Uint8Array> {
  const modifiedAt = { seconds: BigInt(epochSeconds), nanoseconds: 0 };
  for (const path of isPart ? [] : directoriesOf(files)) {
    yield encodeEntry({ type: "directory", name: `${path}/`, mode: DIRECTORY_MODE, sizeBytes: 0, modifiedAt });
  }
  for (const { path, sizeBytes, read } of files) {
    yield encodeEntry({ type: "file", name: path, mode: FILE_MODE, sizeBytes, modifiedAt });
    yield* read();
    yield encodePadding(sizeBytes);
  }
  if (!isPart) yield encodeEnd();
}

/** The same as a directory for a client. */
export function directoryOf(files: ListedFile[], times: FileTimes): OutgoingDirectory {
  return {
    archive: () => tarOf(files, times),
    entries: () => entriesOf(files, times),
    read(path) {
      const file = files.find((one) => one.path === path);
      if (file === undefined) throw new EngineError("not-found", `no such file: ${path}`);
      return file.read();
    },
  };
}

export async function* entriesOf(files: ListedFile[], { epochSeconds }: FileTimes): AsyncGenerator<RemoteEntry> {
  const common = { uid: 0, gid: 0, modifiedNs: BigInt(epochSeconds) * 1_000_000_000n, linkName: "", deviceMajor: 0 };
  const entries: RemoteEntry[] = [
    ...directoriesOf(files).map((path) => ({ path, type: "directory" as const, mode: DIRECTORY_MODE, sizeBytes: 0 })),
    ...files.map(({ path, sizeBytes }) => ({ path, type: "file" as const, mode: FILE_MODE, sizeBytes })),
  ].map((entry) => ({ ...common, ...entry, deviceMinor: 0, xattrs: new Map() }));
  // A directory before what is in it, and what is in it before what comes after it.
  const key = ({ path }: RemoteEntry) => path.replaceAll("/", "\0");
  yield* entries.sort((left, right) => Buffer.compare(Buffer.from(key(left)), Buffer.from(key(right))));
}

function directoriesOf(files: ListedFile[]): string[] {
  const found = new Set<string>();
  for (const { path } of files) {
    for (let at = path.indexOf("/"); at > 0; at = path.indexOf("/", at + 1)) found.add(path.slice(0, at));
  }
  return [...found].sort();
}
