import { errorToValue } from "../../../base/error-value.ts";
import { EngineError } from "../../../base/errors.ts";
import type { TarTime } from "../../../formats/tar/entry.ts";
import { ESRCH, SystemError } from "../../../kernel/errno.ts";
import {
  closeFd,
  O_DIRECTORY,
  O_PATH,
  O_RDONLY,
  S_IFDIR,
  S_IFMT,
  statFd,
  tryOpenInRoot,
} from "../../../kernel/files.ts";
import { isOfKernel } from "../../../kernel/kernel-file-systems.ts";
import { enterRootView } from "../../../kernel/root-view.ts";
import { walkChanges } from "../changes/change-walk.ts";
import { collectChanges, layerWriter } from "../changes/layer-changes.ts";
import { walkLayer } from "../seal/layer-walk.ts";
import { CANCELLED, MAX_WAITING_CHUNKS, type PackJob, type PackMessage, type PackRequest, TAKEN } from "./pack.ts";
import { baseName, noSuchFile, readPathStatus } from "./path-status.ts";
import { CHUNK_BYTES, type ChunkOutput, TarWriter } from "./tar-writer.ts";
import { TreePacker } from "./tree-packer.ts";

declare const self: Worker;

self.onmessage = ({ data }: MessageEvent<PackRequest>) => {
  try {
    run(data);
    tell({ ended: true });
  } catch (error) {
    const isGone = error instanceof SystemError && error.errno === ESRCH;
    tell({ failed: errorToValue(isGone ? new EngineError("unavailable", "the container has ended") : error) });
  }
};

function tell(message: PackMessage, transfer: ArrayBuffer[] = []): void {
  postMessage(message, transfer);
}

function run({ job, flow }: PackRequest): void {
  const view = "view" in job ? job.view : ({ kind: "directory", path: job.root } as const);
  const entered = enterRootView(view, { writable: false });
  try {
    const writer = new TarWriter(sender(flow));
    perform(job, entered.root, { writer, packer: new TreePacker(writer, timeOf(job)) });
  } finally {
    entered.leave();
  }
}

/** Hands chunks over, and waits while too many of them are on their way. */
function sender(flow: Int32Array<SharedArrayBuffer>): ChunkOutput {
  let sent = 0;
  let filling = new Uint8Array(0);
  return {
    begin: () => {
      filling = new Uint8Array(CHUNK_BYTES);
      return filling;
    },
    emit: (length) => {
      for (;;) {
        if (Atomics.load(flow, CANCELLED) !== 0) throw new Error("cancelled");
        const taken = Atomics.load(flow, TAKEN);
        if (sent - taken < MAX_WAITING_CHUNKS) break;
        Atomics.wait(flow, TAKEN, taken);
      }
      sent++;
      tell({ chunk: filling.subarray(0, length) }, [filling.buffer]);
    },
  };
}

function timeOf(job: PackJob): TarTime | undefined {
  if (job.kind !== "part" || job.epochSeconds === undefined) return undefined;
  return { seconds: BigInt(job.epochSeconds), nanoseconds: 0 };
}

interface Output {
  writer: TarWriter;
  packer: TreePacker;
}

function perform(job: PackJob, root: number, { writer, packer }: Output): void {
  switch (job.kind) {
    case "status":
      return tell({ found: readPathStatus(root, job.path) });
    case "path":
      packPath(root, job, packer);
      return writer.end();
    case "root":
      packer.contents(root, Buffer.alloc(0));
      return writer.end();
    case "part":
      packer.contents(root, Buffer.from(job.prefix));
      return writer.flush();
    case "changes": {
      const { visitor, result } = collectChanges();
      walkChanges({ rootFd: root, layers: job.layers }, new Set(job.stubs), visitor);
      return tell({ changes: result() });
    }
    case "sealed":
      walkLayer(root, layerWriter(writer, packer));
      return writer.end();
    case "layer":
      walkChanges({ rootFd: root, layers: job.layers }, new Set(job.stubs), layerWriter(writer, packer));
      return writer.end();
  }
}

/** Entries are named from the last component of the path on; those of the root begin with a slash, as Docker's. */
function packPath(root: number, { path, hidden }: Extract<PackJob, { kind: "path" }>, packer: TreePacker): void {
  const found = readPathStatus(root, path);
  const base = baseName(path);
  const isDirectory = (found.mode & S_IFMT) === S_IFDIR;
  const start = isDirectory ? path : path.slice(0, path.length - base.length) || "/";
  const fd = tryOpenInRoot(root, start, (isDirectory ? O_RDONLY : O_PATH) | O_DIRECTORY);
  if (fd < 0) throw noSuchFile(path);
  try {
    tell({ found });
    if (!isDirectory) return packer.tree(fd, Buffer.from(base), Buffer.from(base));
    const [top, own] = [statFd(root), statFd(fd)];
    const isRoot = top.inode === own.inode && top.onDevice === own.onDevice;
    const prefix = Buffer.from(base === "/" ? "" : base);
    packer.directory(fd, prefix);
    if (isOfKernel(fd)) return;
    packer.contents(fd, Buffer.concat([prefix, Buffer.from("/")]), new Set(isRoot ? hidden : []));
  } finally {
    closeFd(fd);
  }
}
