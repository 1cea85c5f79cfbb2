import { invalid } from "../../../base/errors.ts";
import type { TarWriter } from "../pack/tar-writer.ts";
import type { TreePacker } from "../pack/tree-packer.ts";
import type { ChangeKind, ChangeVisitor } from "./change-walk.ts";

/** A change as `docker diff` shows it. */
export interface Change {
  kind: ChangeKind;
  /** Absolute. */
  path: string;
}

/** Gathers the changes; `result` orders them by path, a directory before what it holds. */
export function collectChanges(): { visitor: ChangeVisitor; result: () => Change[] } {
  const found: { kind: ChangeKind; path: Buffer }[] = [];
  return {
    visitor: { change: (kind, path) => void found.push({ kind, path }) },
    result: () =>
      found
        .sort((left, right) => comparePaths(left.path, right.path))
        .map(({ kind, path }) => ({ kind, path: `/${path.toString()}` })),
  };
}

/** As names, one directory after the other: "a/b" comes before "a.b". */
function comparePaths(left: Buffer, right: Buffer): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index++) {
    const [a, b] = [left[index] as number, right[index] as number];
    if (a !== b) return a === SLASH ? -1 : b === SLASH ? 1 : a - b;
  }
  return left.length - right.length;
}

const SLASH = 0x2f;
/** Fixed, so that the same changes give the same layer. */
const EPOCH = { seconds: 0n, nanoseconds: 0 };

const WHITEOUT_PREFIX = Buffer.from(".wh.");

/**
 * Writes the changes as a layer. Throws invalid-argument for a file whose own name begins with `.wh.`: whoever unpacks the layer would
 * remove another file instead. @see OCI image-spec layer.md "Whiteouts"
 */
export function layerWriter(writer: TarWriter, packer: TreePacker): Required<ChangeVisitor> {
  const mark = (name: Buffer) => writer.header({ type: "file", name, mode: 0, sizeBytes: 0, modifiedAt: EPOCH });
  return {
    change(_kind, path, place) {
      const base = path.lastIndexOf(SLASH) + 1;
      if (place !== undefined) {
        if (WHITEOUT_PREFIX.equals(path.subarray(base, base + WHITEOUT_PREFIX.length))) throw meansRemoval(path);
        return packer.entry(place, path, place.status);
      }
      mark(Buffer.concat([path.subarray(0, base), WHITEOUT_PREFIX, path.subarray(base)]));
    },
    opaque: (path) => mark(Buffer.concat([path, Buffer.from("/.wh..wh..opq")])),
  };
}

function meansRemoval(path: Buffer) {
  return invalid(
    `${JSON.stringify(`/${path.toString()}`)}: a layer cannot hold a file whose name begins with ".wh.": such names say that another file is removed`,
  );
}
