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
import { breakHashPipe, createHashPipe, HashPipeWriter } from "./hash-pipe.ts";
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
    return { id, sealed: seal(id, request) };
  } catch (error) {
    return { id, failed: errorToValue(error) };
  }
}

function seal(id: number, { root, layers, sources, below, stubs, epochSeconds, cancelled }: SealRequest): Sealed {
  const rootFd = openAt(AT_FDCWD, root, O_RDONLY | O_DIRECTORY);
  try {
    const linkedFrom = sources.length === 0 ? [] : stackAll({ rootFd, layer: layers[0] ?? "" }, sources, below);
    const epoch = epochSeconds === undefined ? undefined : BigInt(epochSeconds);
    tidyLayer({ rootFd, layers }, { stubs: new Set(stubs), epochSeconds: epoch });
    const own = openAt(rootFd, layers[0] ?? "", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try {
      const check = () => {
        if (Atomics.load(cancelled, 0) !== 0) throw new Error("cancelled");
      };
      const pipe = createHashPipe();
      const start = () => postMessage({ id, hash: pipe } satisfies SealReply);
      try {
        return { ...hash(own, new HashPipeWriter(pipe, { check, start })), linkedFrom };
      } finally {
        breakHashPipe(pipe);
      }
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

/** Reading and hashing take about as long: with a thread each, a large layer takes little more than one of them. */
function hash(own: number, hashing: HashPipeWriter): Omit<Sealed, "linkedFrom"> {
  let archiveBytes = 0;
  let fileBytes = 0;
  let isEmpty = true;
  /** A layer lies on one device. */
  const seen = new Set<bigint>();
  const writer = new TarWriter({
    begin: () => hashing.begin(),
    emit: (length) => {
      archiveBytes += length;
      hashing.emit(length);
    },
  });
  const visitor = layerWriter(writer, new TreePacker(writer));
  walkLayer(own, {
    change(kind, path, place) {
      isEmpty = false;
      const status = place?.status;
      if (status !== undefined && (status.mode & S_IFMT) === S_IFREG) {
        if (status.links === 1 || !seen.has(status.inode)) fileBytes += status.sizeBytes;
        if (status.links > 1) seen.add(status.inode);
      }
      visitor.change(kind, path, place);
    },
    opaque: (path) => visitor.opaque(path),
  });
  writer.end();
  return { diffId: `sha256:${hashing.digest()}` as Digest, archiveBytes, fileBytes, isEmpty };
}
