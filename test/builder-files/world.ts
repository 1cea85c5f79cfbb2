import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createSystemClock } from "../../src/base/clock.ts";
import { randomId } from "../../src/base/ids.ts";
import { silentLogger } from "../../src/base/logger.ts";
import type { OpContext } from "../../src/builder/executor.ts";
import { createFiles } from "../../src/builder/files/create-files.ts";
import type { CopyOp, CopySource } from "../../src/builder/graph.ts";
import { createLayers } from "../../src/builder/layers/create-layers.ts";
import type { Layers } from "../../src/builder/layers/layers.ts";
import type { FileSource, FilesResult, SourceEntry, TreeResult } from "../../src/builder/results.ts";
import { digestOf } from "../../src/formats/oci/digest.ts";
import { createOverlaySnapshots } from "../../src/storage/snapshots/overlay.ts";
import type { Snapshots } from "../../src/storage/snapshots/snapshots.ts";

export const isRoot = process.getuid?.() === 0;
if (!isRoot) console.log("(skip) test/builder-files: files with owners need root");

/** Text: a file's content; `{ to }`: a symlink; `{ like }`: a hard link. The key may say more: `name|0755|1:2`. A trailing slash: a directory. */
export type Files = Record<string, string | { to: string } | { like: string }>;

export interface World extends AsyncDisposable {
  root: string;
  snapshots: Snapshots;
  files: ReturnType<typeof createFiles>;
  /** A tree of such layers, base first. */
  tree(...layers: Files[]): Promise<TreeResult>;
  /** A context with such files. */
  source(files: Files): FilesResult;
  /** The layers of `top` above `base` as one. */
  squash(base: TreeResult, top: TreeResult): Promise<TreeResult>;
  /** The same after a restart. */
  reopen(): ReturnType<typeof createFiles>;
  context: OpContext;
  /** ChainIDs of the layers that were made. */
  made: string[];
  /** The merged view, a line for each name: `path kind mode uid:gid content`. */
  show(tree: TreeResult): Promise<string[]>;
  /** The topmost layer's own directory. */
  top(tree: TreeResult): string;
}

export function openWorld(): World {
  const root = mkdtempSync(join(tmpdir(), "gantry-builder-files-"));
  mkdirSync(join(root, "builder"));
  const snapshots = createOverlaySnapshots({ root: join(root, "snapshots"), bootId: "this", logger: silentLogger });
  const made: string[] = [];
  const layers = countedLayers(snapshots, made);
  let sources = 0;
  const files = createFiles({ layers, snapshots, directory: join(root, "builder") });
  return {
    root,
    snapshots,
    made,
    files,
    squash: (base, top) => layers.squash(base, top, contextOf()),
    reopen: () => createFiles({ layers, snapshots, directory: join(root, "builder") }),
    context: contextOf(),
    async tree(...stack) {
      let result: TreeResult = EMPTY;
      for (const files of stack) {
        result = await layers.fill(result, contextOf(), async (directory) => writeFiles(directory, files));
      }
      return result;
    },
    source(files) {
      const directory = join(root, `source-${++sources}`);
      mkdirSync(directory);
      writeFiles(directory, files);
      return { kind: "files", source: scan(directory) };
    },
    show: (tree) => show(snapshots, tree),
    top: (tree) => topOf(snapshots, tree),
    async [Symbol.asyncDispose]() {
      files.close();
      await snapshots.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

export const EMPTY: TreeResult = {
  kind: "tree",
  layers: [],
  chainId: undefined,
  createdAt: new Date(0),
  added: undefined,
};

/** A COPY of such paths out of inputs[1]. */
export function copyOf(
  paths: string | string[],
  destination: string,
  more: Partial<CopyOp> & Partial<CopySource> = {},
): CopyOp {
  const { input = 1, wildcards = true, unpack = "never", optional = false, ...op } = more;
  const sources = [paths].flat().map((path) => ({ input, path, wildcards, unpack, optional }));
  return {
    kind: "copy",
    sources,
    destination,
    owner: undefined,
    mode: undefined,
    parents: false,
    exclude: [],
    epochSeconds: undefined,
    ...op,
  };
}

export function contextOf(signal = new AbortController().signal): OpContext {
  return {
    epochSeconds: undefined,
    hold: () => undefined,
    signal,
    vertex: "sha256:0",
    name: "[1/1] COPY",
    report: () => undefined,
    session: undefined,
    buildId: "build",
    resources: {},
    cacheMountNamespace: "",
  };
}

function countedLayers(snapshots: Snapshots, made: string[]): Layers {
  const layers = createLayers({ snapshots, clock: createSystemClock(), randomId, failpoint: () => undefined });
  const count = async (making: Promise<TreeResult>) => {
    const result = await making;
    made.push(result.chainId ?? "");
    return result;
  };
  return {
    fill: (...call) => count(layers.fill(...call)),
    change: (...call) => count(layers.change(...call)),
    restack: (...call) => count(layers.restack(...call)),
    squash: (...call) => count(layers.squash(...call)),
  };
}

function topOf(snapshots: Snapshots, tree: TreeResult): string {
  const view = snapshots.view(tree.chainId);
  return view.kind === "overlay" ? (view.lower[0] as string) : view.source;
}

export function writeFiles(directory: string, files: Files): void {
  for (const [key, content] of Object.entries(files)) {
    const [name = "", mode, owner] = key.split("|");
    const path = join(directory, name);
    mkdirSync(name.endsWith("/") ? path : dirname(path), { recursive: true });
    if (typeof content === "object" && "to" in content) symlinkSync(content.to, path);
    else if (typeof content === "object") linkSync(join(directory, content.like), path);
    else if (!name.endsWith("/")) writeFileSync(path, content);
    const [uid, gid] = (owner ?? "").split(":").map(Number);
    if (owner !== undefined) chownSync(path, uid as number, gid as number);
    if (mode !== undefined) chmodSync(path, Number.parseInt(mode, 8));
    if (typeof content === "string") utimesSync(path, 1_600_000_000, 1_600_000_000);
  }
}

/** Table of contents of a directory, as a context has it. */
export function scan(directory: string): FileSource {
  const entries: SourceEntry[] = [];
  const walk = (path: string) => {
    for (const name of readdirSync(join(directory, path)).sort((one, other) =>
      Buffer.from(one).compare(Buffer.from(other)),
    )) {
      const own = path === "" ? name : `${path}/${name}`;
      const status = lstatSync(join(directory, own), { bigint: true });
      const type = status.isDirectory() ? "directory" : status.isSymbolicLink() ? "symlink" : "file";
      entries.push({
        path: own,
        type,
        mode: Number(status.mode) & 0o7777,
        uid: Number(status.uid),
        gid: Number(status.gid),
        sizeBytes: Number(status.size),
        modifiedNs: status.mtimeNs,
        linkName: type === "symlink" ? readlinkSync(join(directory, own)) : "",
        hardlinkTo: undefined,
        digest: type === "file" ? digestOf(readFileSync(join(directory, own))) : "",
        deviceMajor: 0,
        deviceMinor: 0,
      });
      if (type === "directory") walk(own);
    }
  };
  walk("");
  return { directory, entries, origin: undefined };
}

const LIST = `find . -mindepth 1 -printf '%P\\t%y\\t%m\\t%U:%G\\t%l\\n' | sort | while IFS="$(printf '\\t')" read -r p y m o l; do
  c=$l; [ "$y" = f ] && c=$(cat "$p"); echo "$p $y $m $o $c"; done`;

/** The same of a directory of the host. */
export function showDirectory(directory: string): Promise<string[]> {
  return listing(`cd "$1" && { ${LIST}; }`, [directory]);
}

async function show(snapshots: Snapshots, tree: TreeResult): Promise<string[]> {
  const view = snapshots.view(tree.chainId);
  if (view.kind !== "overlay") return showDirectory(view.source);
  const at = mkdtempSync(join(tmpdir(), "gantry-view-"));
  try {
    const mounting = `cd "$1" && mount -t overlay none -o "$2,ro" "$3" && cd "$3"`;
    return await listing(`${mounting} && { ${LIST}; }`, [view.cwd, view.data, at]);
  } finally {
    rmSync(at, { recursive: true });
  }
}

/** What is mounted goes with the program. */
async function listing(script: string, words: string[]): Promise<string[]> {
  const argv = ["unshare", "-m", "sh", "-c", script, "sh", ...words];
  const child = Bun.spawn(argv, { stdout: "pipe", stderr: "pipe", env: { ...process.env, LC_ALL: "C" } });
  const [text, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (code !== 0) throw new Error(errors);
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => line.trimEnd());
}
