import { errorToValue } from "../../base/error-value.ts";
import { EngineError } from "../../base/errors.ts";
import { confineThread } from "../../kernel/confine.ts";
import { ENOSPC, SystemError } from "../../kernel/errno.ts";
import { AT_FDCWD, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, openAt, S_IFDIR, S_IFMT, setUmask } from "../../kernel/files.ts";
import { walkTree } from "../../kernel/walk-tree.ts";
import { MAX_USER_FILE_BYTES } from "../../runtime/users.ts";
import { LinkGuard } from "../../storage/snapshots/links/link-guard.ts";
import type { LinkOrigin } from "../../storage/snapshots/links/link-origins.ts";
import { encodeEntries } from "../contexts/manifest.ts";
import type { Owner } from "../graph.ts";
import { parseModeChange } from "./file-mode.ts";
import type { FilesJob, FilesReply, FilesRequest, OpenedSource, Roots, SourceSelection } from "./files-request.ts";
import { LayeredSource } from "./layered-source.ts";
import { closeDirectory, type OpenDirectory } from "./layered-tree.ts";
import { look } from "./look.ts";
import { resolveOwner } from "./resolve-owner.ts";
import { scanTree } from "./scan-tree.ts";
import { selectSources } from "./selection.ts";
import { type SourceItem, sourceItems } from "./source-items.ts";
import { TargetTree } from "./target-tree.ts";
import { TreeCopier } from "./tree-copier.ts";
import { TreeHasher } from "./tree-hasher.ts";

declare const self: Worker;

const NEW_DIRECTORY_MODE = 0o755;

/** One job, then the worker is thrown away: it is confined for ever. */
self.onmessage = ({ data }: MessageEvent<FilesRequest>) => {
  const reply = answer(data);
  postMessage(reply, transferred(reply));
};

function transferred(reply: FilesReply): ArrayBuffer[] {
  if ("manifest" in reply) return [reply.manifest.buffer];
  return "content" in reply ? [reply.content.buffer] : [];
}

function answer({ job, cancelled }: FilesRequest): FilesReply {
  const check = () => {
    if (Atomics.load(cancelled, 0) !== 0) throw new Error("cancelled");
  };
  const opened = new OpenRoots();
  try {
    return perform(job, opened, check);
  } catch (error) {
    return { failed: errorToValue(explain(error)) };
  } finally {
    opened.close();
  }
}

function perform(job: FilesJob, opened: OpenRoots, check: () => void): FilesReply {
  switch (job.kind) {
    case "copy":
      return { linkedFrom: copy(job, opened, check) };
    case "mkdir": {
      const target = targetOf(job, opened, job.mode);
      const made = target.resolve(`${job.path}/`);
      target.leaveAll(made.directory);
      return { done: true };
    }
    case "hash": {
      const sources = job.sources.map((source) => ({ source, tree: opened.source(source.roots) }));
      confine(job.confineTo);
      const hasher = new TreeHasher(check);
      for (const { source, tree } of sources) hashSource(hasher, tree, sourceItems(tree, source, job.rules));
      return { digest: hasher.digest() };
    }
    case "scan": {
      const { root } = opened.source([{ directory: job.directory, origins: [] }]);
      confine(job.directory);
      return { manifest: encodeEntries(scanTree(root, check)) };
    }
    case "usage":
      return { bytes: ownBytes(opened.open(job.directory)) };
    case "look": {
      const tree = opened.source(job.roots);
      confine(job.confineTo);
      return look(tree, job.question);
    }
    case "open": {
      const base = opened.source(job.base);
      const tree = opened.source(job.source.roots);
      confine(job.confineTo);
      return { opened: openAll(tree, job.source), owner: ownerIn(base, job.owner) };
    }
  }
}

function copy(job: Extract<FilesJob, { kind: "copy" }>, opened: OpenRoots, check: () => void): LinkOrigin[] {
  const sources = job.sources.map((source) => ({ source, tree: opened.source(source.roots) }));
  const base = opened.source(job.base);
  const target = targetOf(job, opened, NEW_DIRECTORY_MODE, base);
  const mode = job.mode === undefined ? undefined : parseModeChange(job.mode);
  const owner = ownerIn(base, job.owner);
  const below = base.root.map(({ fd, layer }) => ({ fd, origins: job.base[layer]?.origins ?? [] }));
  const links = new LinkGuard(below, { isWritten: job.isWritten });
  for (const { source, tree } of sources) {
    const origins = source.roots.map((root) => root.origins);
    for (const { filter, ...found } of sourceItems(tree, source, job.rules)) {
      const item = { ...found, name: source.as ?? found.name };
      const copier = new TreeCopier(target, { owner, mode, filter, check, links, origins });
      copyItem(copier, tree, { item, destination: job.destination });
    }
  }
  return links.linkedFrom();
}

function copyItem(
  copier: TreeCopier,
  tree: LayeredSource,
  { item, destination }: { item: Omit<SourceItem, "filter">; destination: string },
): void {
  const { name, path, isDirectory } = item;
  if (isDirectory) tree.inDirectory(path, (directory) => copier.contents(directory, destination));
  else tree.inParent(path, (directory, own) => copier.file({ directory, name: own }, name, destination));
}

function hashSource(hasher: TreeHasher, tree: LayeredSource, items: SourceItem[]): void {
  for (const { name, path, isDirectory, filter } of items) {
    hasher.begin(isDirectory ? "" : name);
    if (isDirectory) tree.inDirectory(path, (directory) => hasher.contents(directory, filter));
    else if (filter === undefined || filter.takes(name)) {
      tree.inParent(path, (directory, own) => hasher.file(directory, own, name));
    }
  }
}

function openAll(tree: LayeredSource, source: SourceSelection): OpenedSource[] {
  return selectSources(tree, source).map(({ name, path, isDirectory }) => ({
    name,
    path,
    fd: isDirectory ? -1 : (tree.openFile(path) ?? -1),
  }));
}

/** The thread is confined to the layer's own directory from here on. */
function targetOf(
  job: { target: string; base: Roots; owner: Owner | undefined },
  opened: OpenRoots,
  mode: number,
  base = opened.source(job.base),
): TargetTree {
  const upper = opened.open(job.target);
  confine(job.target);
  return new TargetTree(upper, base.root.length === 0 ? undefined : base.root, {
    mode,
    owner: ownerIn(base, job.owner),
  });
}

/** Of files that have no further name anywhere. */
function ownBytes(directory: number): number {
  let bytes = 0;
  walkTree(directory, undefined, (_name, { mode, links, sizeBytes }) => {
    if ((mode & S_IFMT) !== S_IFDIR && links === 1) bytes += sizeBytes;
    return undefined;
  });
  return bytes;
}

function ownerIn(base: LayeredSource, owner: Owner | undefined): { uid: number; gid: number } | undefined {
  if (owner === undefined) return undefined;
  return resolveOwner(owner, () => ({
    passwd: base.read("etc/passwd", MAX_USER_FILE_BYTES) ?? new Uint8Array(),
    group: base.read("etc/group", MAX_USER_FILE_BYTES) ?? new Uint8Array(),
  }));
}

function confine(directory: string): void {
  confineThread(directory);
  setUmask(0);
}

/** What is opened by its path on the host, before the thread is confined. */
class OpenRoots {
  readonly #roots: OpenDirectory[] = [];

  open(directory: string): number {
    const fd = openAt(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    this.#roots.push([{ fd, layer: 0 }]);
    return fd;
  }

  source(roots: Roots): LayeredSource {
    return new LayeredSource(roots.map(({ directory }, layer) => ({ fd: this.open(directory), layer })));
  }

  close(): void {
    for (const root of this.#roots) closeDirectory(root);
  }
}

function explain(error: unknown): unknown {
  if (!(error instanceof SystemError) || error.errno !== ENOSPC) return error;
  return new EngineError("internal", "no space left on device");
}
