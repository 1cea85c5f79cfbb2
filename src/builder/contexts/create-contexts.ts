import { createReadStream } from "node:fs";
import { join } from "node:path";
import { invalid } from "../../base/errors.ts";
import { randomId } from "../../base/ids.ts";
import type { Logger } from "../../base/logger.ts";
import type { ContextSource } from "../builder.ts";
import { parseGitReference } from "../frontend/git-reference.ts";
import type { FileSource } from "../results.ts";
import { fetchFile } from "../sources/fetch-file.ts";
import { bringGitFiles } from "../sources/git-files.ts";
import type { SourceStores } from "../sources/open-stores.ts";
import { type ArchiveContextDeps, openArchiveContext } from "./archive-context.ts";
import type { ContextOptions, Contexts, KeptContext, OpenContext } from "./contexts.ts";
import { openDirectoryContext } from "./directory-context.ts";
import { type KeptDirectories, openKeptDirectories } from "./kept-directories.ts";
import { needSession, openSessionContext } from "./session-context.ts";

export interface ContextsDeps extends SourceStores {
  /** The builder's own directory. */
  directory: string;
  /** Of this run of the kernel. */
  bootId: string;
  logger: Logger;
}

/** Directories of clients are kept below `contexts/`; what comes whole lasts as long as the context is open. */
export function createContexts(deps: ContextsDeps): Contexts {
  const { directory, bootId, logger, run } = deps;
  const kept = openKeptDirectories({ root: join(directory, "contexts"), bootId, logger });
  return {
    open: (source, options) => open(deps, kept, { source, options }),
    list: () => Promise.all(kept.list().map((one) => describe(one, run))),
    remove: (id) => kept.remove(id),
    close: async () => deps.close(),
  };
}

async function describe(
  kept: ReturnType<KeptDirectories["list"]>[number],
  run: SourceStores["run"],
): Promise<KeptContext> {
  const { id, description, inUse, createdAt, lastUsedAt, files } = kept;
  const reply = await run({ kind: "usage", directory: files }, new AbortController().signal);
  return { id, description, sizeBytes: "bytes" in reply ? reply.bytes : 0, inUse, createdAt, lastUsedAt };
}

interface Opening {
  source: ContextSource;
  options: ContextOptions;
}

async function open(deps: ContextsDeps, kept: KeptDirectories, { source, options }: Opening): Promise<OpenContext> {
  switch (source.kind) {
    case "session":
      return openSessionContext({ kept }, source, needSession(options.session, source.name));
    case "archive":
      return openArchive(deps, { archive: source.archive, origin: undefined }, options);
    case "http":
      return openHttp(deps, source.url, options);
    case "git":
      return openGit(deps, source, options);
    case "image":
      throw invalid(`${source.reference}: an image is no directory`);
    case "result":
    case "layout":
      throw invalid("the image of a context is no directory");
  }
}

async function openArchive(
  deps: ContextsDeps,
  { archive, origin }: { archive: AsyncIterable<Uint8Array>; origin: FileSource["origin"] },
  options: ContextOptions,
): Promise<OpenContext> {
  const { run, scratch, close } = ownScratch(deps);
  try {
    return await openArchiveContext({ run, scratch, close }, { archive, origin }, options);
  } catch (error) {
    await close();
    throw error;
  }
}

async function openHttp(deps: ContextsDeps, url: string, options: ContextOptions): Promise<OpenContext> {
  const { run, scratch, close } = ownScratch(deps);
  try {
    const target = join(scratch, "fetched");
    const { digest } = await fetchFile(deps.http, { url, checksum: undefined, target }, options);
    const archive: AsyncIterable<Uint8Array> = createReadStream(target);
    return await openArchiveContext({ run, scratch, close }, { archive, origin: { uri: url, digest } }, options);
  } catch (error) {
    await close();
    throw error;
  }
}

async function openGit(
  deps: ContextsDeps,
  { url, keepGitDirectory: keep = false }: Extract<ContextSource, { kind: "git" }>,
  { session }: ContextOptions,
): Promise<OpenContext> {
  // A name that Docker has always taken for a repository.
  const reference = parseGitReference(url.replace(/^github\.com\//, "https://$&"), true);
  if (reference === undefined) throw invalid(`invalid git URL ${JSON.stringify(url)}`);
  const { run, scratch, close } = ownScratch(deps);
  const { keepGitDirectory = keep, submodules = true } = reference;
  const source = { ...reference, keepGitDirectory, submodules };
  return openDirectoryContext({
    run,
    scratch,
    close,
    bring: (signal) => bringGitFiles(deps.git, source, { scratch, session, signal }),
  });
}

function ownScratch({ run, scratch }: ContextsDeps): ArchiveContextDeps {
  const id = `context-${randomId()}`;
  return { run, scratch: scratch.make(id), close: () => scratch.release(id) };
}
