import { join } from "node:path";
import type { LinkedFiles } from "../../storage/snapshots/links/link-origins.ts";
import type { ResultFiles } from "../builder.ts";
import type { Executor, OpContext } from "../executor.ts";
import type { CopyOp, CopySource } from "../graph.ts";
import type { FileSource, TreeResult, VertexResult } from "../results.ts";
import { addArchives, closeArchives, findArchives } from "./add-archives.ts";
import { entriesKey } from "./entries-key.ts";
import { EntryTree } from "./entry-tree.ts";
import type { SelectionRules, SourceSelection } from "./files-request.ts";
import { copyJob, emptyDirectory, type FilesDeps, type FilesState, rootsOf } from "./files-state.ts";
import { makeDirectory } from "./make-directory.ts";
import { createRememberedKeys } from "./remembered-keys.ts";
import { resultFiles } from "./result-files.ts";
import { createFilesJobs } from "./run-files-job.ts";
import { selectSources } from "./selection.ts";

export interface Files extends Pick<Executor, "copy" | "mkdir" | "link" | "copyKey"> {
  /** Looks into the tree of a result, by a worker that sees nothing else. */
  lookInto(tree: TreeResult, signal: AbortSignal): ResultFiles;
  /** Releases the worker in reserve. */
  close(): void;
}

/**
 * COPY, ADD, WORKDIR and `--link`, with BuildKit's results. Files that do not change on the way are hard links to those of their
 * context or layer, which nobody ever writes to.
 */
export function createFiles(deps: FilesDeps): Files {
  const keys = createRememberedKeys(join(deps.directory, "copy-keys"));
  const jobs = createFilesJobs();
  const state: FilesState = { ...deps, keys, run: jobs.run, trees: new WeakMap() };
  return {
    copy: (op, inputs, context) => copy(state, { op, inputs, context }),
    copyKey: (op, inputs, context) => copyKey(state, { op, inputs, context }),
    mkdir: (op, base, context) => makeDirectory(state, { op, base, context }),
    lookInto: (tree, signal) => resultFiles(state, tree, signal),
    close: () => jobs.close(),
    link: (base, top, context) => deps.layers.restack(base, top, top.layers, context),
  };
}

interface CopyCall {
  op: CopyOp;
  inputs: VertexResult[];
  context: OpContext;
}

async function copy(state: FilesState, { op, inputs, context }: CopyCall): Promise<TreeResult> {
  const base = baseOf(inputs);
  const sources = op.sources.map((source) => ({
    ...selectionOf(state, source, inputs),
    mayUnpack: source.unpack !== "never" && mayBeFile(state, source, inputs),
  }));
  const archives = await findArchives(state, { sources, base, owner: op.owner, signal: context.signal });
  try {
    if (archives.some((archive) => archive !== undefined)) {
      return await addArchives(state, { op, base, sources, archives, context });
    }
    return await state.layers.fill(base, context, async (target, noteLinks) => {
      const job = { ...copyJob(op), target, isWritten: false, base: rootsOf(state, base), sources };
      const reply = await state.run(job, context.signal);
      if (!("linkedFrom" in reply)) throw new Error("nothing was copied");
      noteLinks(reply.linkedFrom);
    });
  } finally {
    closeArchives(archives);
  }
}

async function copyKey(state: FilesState, { op, inputs, context }: CopyCall): Promise<string> {
  const rules = { parents: op.parents, exclude: op.exclude };
  const keys: string[] = [];
  for (const source of op.sources) {
    const input = inputOf(inputs, source.input);
    keys.push(
      input.kind === "files"
        ? entriesKey(treeOf(state, input.source), source, rules)
        : await treeKey(state, { input, source: selectionOf(state, source, inputs), rules, signal: context.signal }),
    );
  }
  if (keys.length === 1) return keys[0] as string;
  return `sha256:${new Bun.CryptoHasher("sha256").update(keys.join(" ")).digest("hex")}`;
}

/** A tree never changes: what was hashed of it once is remembered. */
async function treeKey(
  state: FilesState,
  {
    input,
    source,
    rules,
    signal,
  }: { input: TreeResult; source: SourceSelection; rules: SelectionRules; signal: AbortSignal },
): Promise<string> {
  const { path, wildcards, optional } = source;
  const question = JSON.stringify([input.chainId ?? "", path, wildcards, optional, rules.parents, rules.exclude]);
  const known = state.keys.get(question);
  if (known !== undefined) return known;
  const reply = await state.run({ kind: "hash", sources: [source], rules, confineTo: emptyDirectory(state) }, signal);
  if (!("digest" in reply)) throw new Error("no digest");
  state.keys.put(question, reply.digest);
  return reply.digest;
}

/** A worker is spared where it is plain that nothing but directories is named. */
function mayBeFile(state: FilesState, source: CopySource, inputs: VertexResult[]): boolean {
  const input = inputOf(inputs, source.input);
  if (input.kind === "tree") return true;
  return selectSources(treeOf(state, input.source), source).some((match) => !match.isDirectory);
}

function treeOf({ trees }: FilesState, source: FileSource): EntryTree {
  const known = trees.get(source) ?? new EntryTree(source);
  trees.set(source, known);
  return known;
}

function selectionOf(state: FilesState, source: CopySource, inputs: VertexResult[]): SourceSelection {
  const { path, wildcards, optional } = source;
  const input = inputOf(inputs, source.input);
  return {
    path,
    wildcards,
    optional,
    roots: input.kind === "files" ? [filesOf(input.source)] : rootsOf(state, input),
  };
}

function filesOf({ directory, birthplace }: FileSource): LinkedFiles {
  return { directory, origins: [birthplace ?? directory] };
}

function baseOf(inputs: VertexResult[]): TreeResult {
  const base = inputOf(inputs, 0);
  if (base.kind !== "tree") throw new Error("files are copied into a tree");
  return base;
}

function inputOf(inputs: VertexResult[], at: number): VertexResult {
  const input = inputs[at];
  if (input === undefined) throw new Error(`there is no input ${at}`);
  return input;
}
