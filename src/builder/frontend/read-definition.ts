import { posix } from "node:path";
import { EngineError, invalid, messageOf } from "../../base/errors.ts";
import { DockerfileError } from "../../formats/dockerfile/dockerfile-error.ts";
import type { Dockerfile } from "../../formats/dockerfile/instructions.ts";
import { MAX_DOCKERFILE_BYTES } from "../../formats/dockerfile/limits.ts";
import { parseDockerfile } from "../../formats/dockerfile/parse.ts";
import { createMatcher, MAX_IGNORE_FILE_BYTES, parseIgnoreFile } from "../../formats/dockerignore/patterns.ts";
import type { ContextSource, SolveRequest } from "../builder.ts";
import { belowRoot } from "./context-paths.ts";
import { type DockerfileText, showProblem } from "./dockerfile-problem.ts";
import type { FrontendDeps } from "./plan.ts";

/** What a build is told by its own files. */
export interface Definition {
  file: DockerfileText;
  dockerfile: Dockerfile;
  /** Patterns of the main context's ignore file. */
  ignore: string[];
}

const DEFAULT_NAME = "Dockerfile";
const IGNORE_FILE = ".dockerignore";

/**
 * Reads Dockerfile and ignore file. `Dockerfile.dockerignore` beside the Dockerfile is taken before `.dockerignore` of the context.
 * Throws invalid-argument where there is no Dockerfile, and for what cannot be parsed with lines and excerpt.
 * @see BuildKit frontend/dockerui/config.go `ReadEntrypoint`
 */
export async function readDefinition(
  request: SolveRequest,
  deps: Pick<FrontendDeps, "readFiles">,
): Promise<Definition> {
  const name = belowRoot(request.fileName || DEFAULT_NAME).slice(1);
  const context = request.dockerfile === undefined ? "context" : "dockerfile";
  const ownIgnoreFile = name + IGNORE_FILE;
  const isDefault = posix.basename(name) === DEFAULT_NAME;
  const lowerCase = posix.join(posix.dirname(name), DEFAULT_NAME.toLowerCase());
  const hasIgnoreFile = context === "context" && request.context !== undefined && mayIgnore(request.context);
  const paths = [name, ownIgnoreFile, ...(isDefault ? [lowerCase] : []), ...(hasIgnoreFile ? [IGNORE_FILE] : [])];
  const files = request[context] === undefined ? new Map<string, Uint8Array>() : await deps.readFiles(context, paths);
  const found = [name, lowerCase].find((path) => files.has(path));
  if (found === undefined) throw invalid(`failed to read dockerfile: open ${name}: no such file or directory`);
  const text = textOf(files.get(found) as Uint8Array, { name: found, limitBytes: MAX_DOCKERFILE_BYTES });
  const file: DockerfileText = { name: found, text };
  return {
    file,
    dockerfile: parse(file),
    ignore: await mainPatterns(request, deps, { files, ownIgnoreFile, hasIgnoreFile }),
  };
}

function parse(file: DockerfileText): Dockerfile {
  try {
    if (file.text.trim() === "") throw new DockerfileError("the Dockerfile cannot be empty");
    return parseDockerfile(file.text);
  } catch (error) {
    throw showProblem(error, file);
  }
}

async function mainPatterns(
  { context }: SolveRequest,
  deps: Pick<FrontendDeps, "readFiles">,
  read: { files: Map<string, Uint8Array>; ownIgnoreFile: string; hasIgnoreFile: boolean },
): Promise<string[]> {
  if (context === undefined || !mayIgnore(context)) return [];
  const own = read.files.get(read.ownIgnoreFile);
  if (own !== undefined) return patternsOf(own, read.ownIgnoreFile);
  const general = read.hasIgnoreFile ? read.files.get(IGNORE_FILE) : await readIgnoreFile("context", deps);
  return patternsOf(general, IGNORE_FILE);
}

/** Patterns of the ignore files of named contexts, by context. Only of those that are used and may have one. */
export async function namedPatterns(
  used: readonly string[],
  { namedContexts }: SolveRequest,
  deps: Pick<FrontendDeps, "readFiles">,
): Promise<Record<string, string[]>> {
  const names = used.filter((name) => name !== "context" && mayIgnore(namedContexts[name] as ContextSource));
  const entries = names.map(
    async (name): Promise<[string, string[]]> => [name, patternsOf(await readIgnoreFile(name, deps), IGNORE_FILE)],
  );
  return Object.fromEntries(await Promise.all(entries));
}

async function readIgnoreFile(context: string, deps: Pick<FrontendDeps, "readFiles">): Promise<Uint8Array | undefined> {
  return (await deps.readFiles(context, [IGNORE_FILE])).get(IGNORE_FILE);
}

/** Of repositories and URLs everything is taken, as BuildKit does. */
function mayIgnore({ kind }: ContextSource): boolean {
  return kind === "session" || kind === "archive";
}

function patternsOf(bytes: Uint8Array | undefined, name: string): string[] {
  if (bytes === undefined) return [];
  try {
    const patterns = parseIgnoreFile(textOf(bytes, { name, limitBytes: MAX_IGNORE_FILE_BYTES }));
    createMatcher(patterns);
    return patterns;
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw new EngineError(error.kind, `failed parsing ${name}: ${messageOf(error)}`, { cause: error });
  }
}

/** Text in UTF-8, without its byte order mark; what is none (a comment in Latin-1) is replaced. */
function textOf(bytes: Uint8Array, { name, limitBytes }: { name: string; limitBytes: number }): string {
  if (bytes.length > limitBytes) throw invalid(`${name} is larger than ${limitBytes} bytes`);
  return new TextDecoder().decode(bytes);
}
