import type { WalkEntry } from "../../wire/build-walk.ts";
import { type FileTree, openDiskFile, walkDisk } from "./file-tree.ts";
import { followLinks } from "./selection.ts";

/** A directory of the disk. */
export function diskTree(root: string): FileTree {
  return {
    walk: (selection) => walkDisk(root, selection),
    follow: (paths) => followLinks(root, paths),
    open: (path) => openDiskFile(root, path),
  };
}

/** Files at the top of a directory that is none: a Dockerfile from standard input. */
export function memoryTree(files: Readonly<Record<string, Uint8Array>>): FileTree {
  const entryOf = (path: string): WalkEntry => ({
    path,
    type: "file",
    mode: 0o644,
    sizeBytes: files[path]?.byteLength ?? 0,
    modifiedSeconds: 0,
    modifiedNanoseconds: 0,
    linkName: "",
    deviceMajor: 0,
    deviceMinor: 0,
  });
  return {
    walk: ({ include, exclude }) =>
      Object.keys(files)
        .toSorted()
        .filter((path) => include.includes(path) && !exclude.matches(path))
        .map(entryOf),
    follow: (paths) => [...paths],
    open(path) {
      const content = files[path] ?? new Uint8Array(0);
      let offset = 0;
      return {
        read(buffer, at, length) {
          const part = content.subarray(offset, offset + length);
          buffer.set(part, at);
          offset += part.byteLength;
          return part.byteLength;
        },
        close: () => undefined,
      };
    },
  };
}
