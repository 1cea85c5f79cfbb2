import { join } from "node:path";
import { extract } from "../../storage/snapshots/extract/extract.ts";
import type { OpContext } from "../executor.ts";
import type { CopyOp, Owner } from "../graph.ts";
import type { TreeResult } from "../results.ts";
import { closeFile, isArchive, plainArchive } from "./archives.ts";
import type { OpenedSource, Roots, SourceSelection } from "./files-request.ts";
import { copyJob, emptyDirectory, type FilesState, rootsOf } from "./files-state.ts";

/** What one source stands for, archives among it open. */
export interface ArchiveSource {
  opened: (OpenedSource & { isArchive: boolean })[];
  owner: { uid: number; gid: number } | undefined;
}

interface Wanted {
  sources: (SourceSelection & { mayUnpack: boolean })[];
  base: TreeResult;
  owner: Owner | undefined;
  signal: AbortSignal;
}

/** For each source: undefined where nothing of it is to be unpacked. Whoever asks closes them. */
export async function findArchives(state: FilesState, wanted: Wanted): Promise<(ArchiveSource | undefined)[]> {
  const found: (ArchiveSource | undefined)[] = [];
  try {
    for (const source of wanted.sources) {
      found.push(source.mayUnpack ? await openArchives(state, source, wanted) : undefined);
    }
    return found;
  } catch (error) {
    closeArchives(found);
    throw error;
  }
}

export function closeArchives(sources: (ArchiveSource | undefined)[]): void {
  for (const { fd } of sources.flatMap((source) => source?.opened ?? [])) closeFile(fd);
}

async function openArchives(
  state: FilesState,
  { roots, path, wildcards, optional }: SourceSelection,
  { base, owner, signal }: Wanted,
): Promise<ArchiveSource | undefined> {
  const source = { roots, path, wildcards, optional };
  const job = { kind: "open", source, base: rootsOf(state, base), owner, confineTo: emptyDirectory(state) } as const;
  const reply = await state.run(job, signal);
  if (!("opened" in reply)) throw new Error("nothing was opened");
  const opened: ArchiveSource["opened"] = reply.opened.map((one) => ({ ...one, isArchive: false }));
  try {
    for (const one of opened) one.isArchive = one.fd >= 0 && (await isArchive(one.fd, signal));
  } catch (error) {
    for (const { fd } of opened) closeFile(fd);
    throw error;
  }
  if (opened.some((one) => one.isArchive)) return { opened, owner: reply.owner };
  for (const { fd } of opened) closeFile(fd);
  return undefined;
}

interface AddCall {
  op: CopyOp;
  base: TreeResult;
  sources: SourceSelection[];
  archives: (ArchiveSource | undefined)[];
  context: OpContext;
}

/** Sources in their order: archives become what they hold, by way of an overlay mount of a worker's own; the others are copied. */
export function addArchives(state: FilesState, { op, base, sources, archives, context }: AddCall): Promise<TreeResult> {
  return state.layers.change(base, context, async (key) => {
    const { root, layers } = state.snapshots.directories(key);
    const target = join(root, layers[0] ?? "");
    const below = rootsOf(state, base);
    // What an archive does to names that are there must not reach the files of others.
    const copyPlain = (selection: SourceSelection) =>
      state.run({ ...copyJob(op), target, isWritten: true, base: below, sources: [selection] }, context.signal);
    for (const [index, source] of sources.entries()) {
      const archive = archives[index];
      if (archive === undefined) {
        await copyPlain(source);
        continue;
      }
      for (const one of archive.opened) {
        if (one.isArchive) await unpack(state, { op, key, target, below, one, owner: archive.owner, context });
        else await copyPlain({ ...source, path: one.path, wildcards: false, as: one.name });
      }
    }
    return { stubs: [] };
  });
}

interface UnpackCall {
  op: CopyOp;
  key: string;
  target: string;
  below: Roots;
  one: OpenedSource;
  owner: { uid: number; gid: number } | undefined;
  context: OpContext;
}

async function unpack(state: FilesState, call: UnpackCall): Promise<void> {
  const { op, key, target, below, one, owner, context } = call;
  const path = op.destination;
  await state.run({ kind: "mkdir", target, base: below, path, mode: 0o755, owner: op.owner }, context.signal);
  const view = state.snapshots.rootView(key, { writable: true, mounts: [] });
  await extract(
    { view, path, keepKinds: false, owner, readOnlyRoot: false },
    () => plainArchive(one.fd, context.signal),
    context.signal,
  );
}
