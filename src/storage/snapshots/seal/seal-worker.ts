import { errorToValue } from "../../../base/error-value.ts";
import type { Digest } from "../../../formats/oci/digest.ts";
import { copyAttributes } from "../../../kernel/copy-tree.ts";
import {
  AT_FDCWD,
  closeFd,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  openAt,
  S_IFMT,
  S_IFREG,
  statFd,
} from "../../../kernel/files.ts";
import { layerWriter } from "../changes/layer-changes.ts";
import { LinkGuard } from "../links/link-guard.ts";
import type { LinkedFiles, LinkOrigin } from "../links/link-origins.ts";
import { TarWriter } from "../pack/tar-writer.ts";
import { TreePacker } from "../pack/tree-packer.ts";
import { walkLayer } from "./layer-walk.ts";
import type { Sealed, SealMessage, SealReply, SealRequest } from "./seal.ts";
import { LayerStacker } from "./stack-layer.ts";
import { tidyLayer } from "./tidy-layer.ts";

declare const self: Worker;

self.onmessage = ({ data }: MessageEvent<SealMessage>) => {
  postMessage(answer(data));
};

function answer({ id, request }: SealMessage): SealReply {
  try {
    return { id, sealed: seal(request) };
  } catch (error) {
    return { id, failed: errorToValue(error) };
  }
}

function seal({ root, layers, sources, below, stubs, epochSeconds, cancelled }: SealRequest): Sealed {
  const rootFd = openAt(AT_FDCWD, root, O_RDONLY | O_DIRECTORY);
  try {
    const linkedFrom = sources.length === 0 ? [] : stackAll({ rootFd, layer: layers[0] ?? "" }, sources, below);
    const epoch = epochSeconds === undefined ? undefined : BigInt(epochSeconds);
    tidyLayer({ rootFd, layers }, { stubs: new Set(stubs), epochSeconds: epoch });
    const own = openAt(rootFd, layers[0] ?? "", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try {
      return { ...hash(own, cancelled), linkedFrom };
    } finally {
      closeFd(own);
    }
  } finally {
    closeFd(rootFd);
  }
}

const DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

/** The layer's root takes the attributes of the last one's. */
function stackAll(
  { rootFd, layer }: { rootFd: number; layer: string },
  sources: LinkedFiles[],
  below: LinkedFiles[],
): LinkOrigin[] {
  const opened: number[] = [];
  const open = (directory: string, parent = AT_FDCWD) => {
    const fd = openAt(parent, directory, DIRECTORY);
    opened.push(fd);
    return fd;
  };
  try {
    const target = open(layer, rootFd);
    const links = new LinkGuard(below.map(({ directory, origins }) => ({ fd: open(directory), origins })));
    for (const { directory, origins } of sources) {
      const source = open(directory);
      new LayerStacker(target, links, links.source(origins)).stack(source);
      copyAttributes({ source, target }, statFd(source));
    }
    return links.linkedFrom();
  } finally {
    for (const fd of opened) closeFd(fd);
  }
}

function hash(own: number, cancelled: Int32Array<SharedArrayBuffer>): Omit<Sealed, "linkedFrom"> {
  const hasher = new Bun.CryptoHasher("sha256");
  let archiveBytes = 0;
  let fileBytes = 0;
  let isEmpty = true;
  const seen = new Set<string>();
  const writer = new TarWriter((chunk) => {
    if (Atomics.load(cancelled, 0) !== 0) throw new Error("cancelled");
    hasher.update(chunk);
    archiveBytes += chunk.length;
  });
  const visitor = layerWriter(writer, new TreePacker(writer));
  walkLayer(own, {
    change(kind, path, place) {
      isEmpty = false;
      const status = place?.status;
      if (status !== undefined && (status.mode & S_IFMT) === S_IFREG) {
        const key = status.links > 1 ? `${status.onDevice}:${status.inode}` : "";
        if (key === "" || !seen.has(key)) fileBytes += status.sizeBytes;
        if (key !== "") seen.add(key);
      }
      visitor.change(kind, path, place);
    },
    opaque: (path) => visitor.opaque(path),
  });
  writer.end();
  return { diffId: `sha256:${hasher.digest("hex")}` as Digest, archiveBytes, fileBytes, isEmpty };
}
