import { relative } from "node:path";
import { invalid } from "../../base/errors.ts";
import { AT_FDCWD, closeFd, O_DIRECTORY, O_PATH, openAt, S_IFDIR, S_IFMT } from "../../kernel/files.ts";
import { resolveMerged } from "../../storage/snapshots/merged-view.ts";
import type { OpContext } from "../executor.ts";
import type { Op } from "../graph.ts";
import type { TreeResult } from "../results.ts";
import { type FilesState, rootsOf } from "./files-state.ts";

interface MkdirCall {
  op: Extract<Op, { kind: "mkdir" }>;
  base: TreeResult;
  context: OpContext;
}

/** The same tree where the directory is there already. Throws invalid-argument where something else is. */
export async function makeDirectory(state: FilesState, { op, base, context }: MkdirCall): Promise<TreeResult> {
  if (isThere(state, base, op.path)) return base;
  return state.layers.fill(base, context, async (target) => {
    const { path, mode, owner } = op;
    await state.run({ kind: "mkdir", target, base: rootsOf(state, base), path, mode, owner }, context.signal);
  });
}

function isThere({ snapshots }: FilesState, { chainId }: TreeResult, path: string): boolean {
  const view = snapshots.view(chainId);
  if (view.kind !== "overlay") return path === "/";
  const rootFd = openAt(AT_FDCWD, view.cwd, O_PATH | O_DIRECTORY);
  try {
    const layers = view.lower.map((directory) => relative(view.cwd, directory));
    const found = resolveMerged({ rootFd, layers }, path);
    if (found !== undefined && (found.status.mode & S_IFMT) !== S_IFDIR)
      throw invalid(`mkdir ${path}: not a directory`);
    return found !== undefined;
  } finally {
    closeFd(rootFd);
  }
}
