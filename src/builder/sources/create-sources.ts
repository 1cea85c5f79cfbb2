import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { EngineError, invalid } from "../../base/errors.ts";
import { digestOf } from "../../formats/oci/digest.ts";
import { scanFiles } from "../contexts/scan-files.ts";
import type { Executor, OpContext } from "../executor.ts";
import { components } from "../files/selection.ts";
import type { SourceOp } from "../graph.ts";
import type { FileSource } from "../results.ts";
import { fetchFile } from "./fetch-file.ts";
import { bringGitFiles } from "./git-files.ts";
import type { SourceStores } from "./open-stores.ts";

const INLINE_MODE = 0o644;

export interface Sources extends Pick<Executor, "source"> {
  /** What the sources of a build have brought goes: when the build is over. */
  release(buildId: string): Promise<void>;
}

/** Files of ADD from URLs and repositories, and of heredocs. Contexts are the solver's, who has opened them. */
export function createSources(stores: SourceStores): Sources {
  return {
    release: (buildId) => stores.scratch.release(buildId),
    async source(op, context) {
      return { kind: "files", source: await bring(stores, op, context) };
    },
  };
}

function bring(stores: SourceStores, op: SourceOp, context: OpContext): Promise<FileSource> {
  switch (op.kind) {
    case "http":
      return bringHttp(stores, op, context);
    case "git":
      return bringGit(stores, op, context);
    case "inline":
      return bringInline(stores, op, context);
    case "context":
      throw new EngineError("internal", `context ${op.name} was not opened`);
  }
}

async function bringHttp(
  { http, scratch }: SourceStores,
  { url, checksum, fileName }: Extract<SourceOp, { kind: "http" }>,
  context: OpContext,
): Promise<FileSource> {
  const directory = scratch.make(context.buildId);
  const path = singleName(fileName);
  const target = join(directory, path);
  const { digest, sizeBytes, modifiedNs } = await fetchFile(http, { url, checksum, target }, context);
  const nobody = { uid: 0, gid: 0, deviceMajor: 0, deviceMinor: 0, linkName: "", hardlinkTo: undefined };
  const entry = { path, type: "file", mode: 0o600, sizeBytes, modifiedNs, digest, ...nobody } as const;
  // The store keeps the file under a name of its own, for other builds.
  return { directory, birthplace: `http:${digestOf(url)}`, entries: [entry], origin: { uri: url, digest } };
}

/** The name is the server's or the Dockerfile's to choose: it must be one. */
function singleName(name: string): string {
  const isName = name !== "" && name !== "." && name !== ".." && !name.includes("/") && !name.includes("\0");
  if (!isName) throw invalid(`invalid file name ${JSON.stringify(name)}`);
  return name;
}

async function bringGit(
  { git, scratch, run }: SourceStores,
  op: Extract<SourceOp, { kind: "git" }>,
  context: OpContext,
): Promise<FileSource> {
  const source = { ...op, submodules: !("submodules" in op) || op.submodules !== false };
  const place = { scratch: scratch.make(context.buildId), session: context.session, signal: context.signal };
  const { directory, origin } = await bringGitFiles(git, source, place);
  return scanFiles(run, directory, origin, context.signal);
}

function bringInline(
  { scratch, run }: SourceStores,
  { files }: Extract<SourceOp, { kind: "inline" }>,
  context: OpContext,
): Promise<FileSource> {
  const directory = scratch.make(context.buildId);
  for (const { name, content } of files) {
    const path = join(directory, ...components(name));
    if (path === directory) throw invalid(`invalid file name ${JSON.stringify(name)}`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    chmodSync(path, INLINE_MODE);
  }
  return scanFiles(run, directory, undefined, context.signal);
}
