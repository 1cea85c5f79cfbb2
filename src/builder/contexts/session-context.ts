import { EngineError } from "../../base/errors.ts";
import type { FileSource } from "../results.ts";
import type { BuildSession } from "../session.ts";
import type { ContextOptions, OpenContext } from "./contexts.ts";
import { createDirectoryWriter } from "./directory-writer.ts";
import type { KeptDirectories, KeptDirectory } from "./kept-directories.ts";
import { SmallFileSink } from "./small-files.ts";
import { DirectorySync } from "./sync-directory.ts";
import { createTransferProgress } from "./transfer-progress.ts";

export interface SessionContextDeps {
  kept: KeptDirectories;
}

type Selection = Parameters<OpenContext["files"]>[0];

/** A directory of the session's client. What came for an earlier build of the same directory is not sent again. */
export function openSessionContext(
  deps: SessionContextDeps,
  source: { name: string; sharedKey: string },
  session: BuildSession,
): OpenContext {
  const held: KeptDirectory[] = [];
  return {
    onlyDockerfile: undefined,
    async readFiles(paths, limitBytes, signal) {
      const sent = session.sentFiles?.(source.name, paths);
      if (sent !== undefined) return sent;
      const sink = new SmallFileSink(limitBytes, paths.length);
      const request = { name: source.name, include: paths, exclude: [], followPaths: paths };
      await session.receive(request, sink, signal);
      const found = new Map<string, Uint8Array>();
      for (const path of paths) {
        const content = sink.file(path);
        if (content !== undefined) found.set(path, content);
      }
      return found;
    },
    async files(selection, options) {
      const directory = deps.kept.acquire(
        JSON.stringify([source.name, source.sharedKey]),
        `local source for ${source.name}`,
      );
      held.push(directory);
      return receive(deps, { directory, session, selection, options, name: source.name });
    },
    async close() {
      for (const directory of held.splice(0)) await deps.kept.release(directory, { keep: true });
    },
  };
}

interface Receiving {
  directory: KeptDirectory;
  session: BuildSession;
  selection: Selection;
  options: ContextOptions;
  name: string;
}

/** What fails leaves a directory of which nothing is believed: it goes when it is released. */
async function receive({ kept }: SessionContextDeps, receiving: Receiving): Promise<FileSource> {
  const { directory, session, selection, options, name } = receiving;
  const progress = createTransferProgress(options, name);
  const before = kept.read(directory);
  let sync: DirectorySync | undefined;
  const writer = createDirectoryWriter(directory.files, (id, digest) => sync?.complete(id, digest));
  try {
    sync = new DirectorySync({
      kept: before,
      exclude: selection.exclude,
      writer,
      beforeChange: () => kept.forget(directory),
      onBytes: (count) => progress.add(count),
    });
    await session.receive({ name, ...selection }, sync, options.signal);
    const entries = await sync.finish();
    options.signal.throwIfAborted();
    if (sync.hasChanged || before.length === 0) kept.keep(directory, entries);
    return { directory: directory.files, birthplace: `context:${directory.id}`, entries, origin: undefined };
  } finally {
    await writer.close();
    progress.done();
  }
}

export function needSession(session: BuildSession | undefined, name: string): BuildSession {
  if (session !== undefined) return session;
  throw new EngineError("invalid-argument", `the client of this build cannot send the directory ${name}`);
}
