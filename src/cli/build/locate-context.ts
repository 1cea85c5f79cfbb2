import { lstatSync, readFileSync, statSync } from "node:fs";
import type { WireContextSource } from "../../wire/build-messages.ts";
import { absolutePath } from "../absolute-path.ts";
import { manifestOf } from "./cache-directories.ts";
import type { FileTree } from "./file-tree.ts";
import { readDockerfile, sniffInput } from "./standard-input.ts";
import { diskTree, memoryTree } from "./trees.ts";

/** What a build reads, and what of it we are going to be asked for. */
export interface BuildSources {
  context: WireContextSource | null;
  dockerfile: WireContextSource | null;
  /** Of the Dockerfile in its context. */
  fileName: string;
  named: Record<string, WireContextSource>;
  trees: Map<string, FileTree>;
  archives: Map<string, AsyncIterable<Uint8Array>>;
  /** The context's directory here; undefined where it is none. */
  directory: string | undefined;
}

export interface LocateOptions {
  /** PATH, URL or `-`. */
  context: string;
  /** `--file`, "" where it is not given. */
  file: string;
  namedContexts: readonly string[];
  workingDir: string;
  /** Where links of the contexts' own path lead. */
  realPath(path: string): string;
  stdin(): AsyncIterable<Uint8Array>;
}

const DEFAULT_NAME = "Dockerfile";

/** Finds what the arguments name. Throws in Docker's words; standard input is read as far as it has to be. */
export async function locateSources(options: LocateOptions): Promise<BuildSources> {
  const { context, file } = options;
  const sources: BuildSources = {
    context: null,
    dockerfile: null,
    fileName: file || DEFAULT_NAME,
    named: {},
    trees: new Map(),
    archives: new Map(),
    directory: undefined,
  };
  if (context === "-" && file === "-")
    throw new Error("invalid argument: can't use stdin for both build context and dockerfile");
  for (const text of options.namedContexts) addNamed(sources, text, options);
  if (context === "-") await fromInput(sources, options);
  else if (isRemote(context)) sources.context = remoteSource(context);
  else fromDirectory(sources, options);
  if (file === "-") await dockerfileFromInput(sources, options);
  else if (isHttp(file)) {
    sources.dockerfile = { Kind: "http", Url: file };
    sources.fileName = DEFAULT_NAME;
  }
  return sources;
}

function fromDirectory(sources: BuildSources, options: LocateOptions): void {
  const { context, file, workingDir } = options;
  const path = absolutePath(workingDir, context);
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) throw new Error(`unable to prepare context: path ${JSON.stringify(context)} not found`);
  if (!status.isDirectory()) throw new Error(`unable to prepare context: context must be a directory: ${path}`);
  const root = options.realPath(path);
  sources.directory = root;
  sources.context = addDirectory(sources, "context", root);
  if (file === "" || file === "-" || isHttp(file)) return;
  // The name's directory is resolved, but not the name: a link is what the context has.
  const [directory, name] = splitPath(absolutePath(workingDir, file));
  if (lstatSync(`${directory}/${name}`, { throwIfNoEntry: false }) === undefined) {
    throw new Error(
      `unable to prepare context: unable to evaluate symlinks in Dockerfile path: lstat ${directory}/${name}: no such file or directory`,
    );
  }
  const real = options.realPath(directory);
  const inside =
    real === root
      ? ""
      : real.startsWith(root === "/" ? "/" : `${root}/`)
        ? `${real.slice(root.length).replace(/^\//, "")}/`
        : undefined;
  if (inside !== undefined) sources.fileName = inside + name;
  else {
    sources.dockerfile = addDirectory(sources, "dockerfile", real);
    sources.fileName = name;
  }
}

async function fromInput(sources: BuildSources, { stdin, file }: LocateOptions): Promise<void> {
  const input = await sniffInput(stdin());
  if (input.kind === "archive") {
    sources.context = { Kind: "archive", Name: "context" };
    sources.archives.set("context", input.bytes);
    return;
  }
  if (file !== "") throw new Error("ambiguous Dockerfile source: both stdin and flag correspond to Dockerfiles");
  addDockerfile(sources, await readDockerfile(input.bytes));
}

async function dockerfileFromInput(sources: BuildSources, { stdin }: LocateOptions): Promise<void> {
  addDockerfile(sources, await readDockerfile(stdin()));
}

function addDockerfile(sources: BuildSources, content: Uint8Array): void {
  sources.trees.set("dockerfile", memoryTree({ [DEFAULT_NAME]: content }));
  sources.dockerfile = { Kind: "session", Name: "dockerfile", SharedKey: "" };
  sources.fileName = DEFAULT_NAME;
}

/** `name=path`, `name=docker-image://reference`, `name=URL`. */
function addNamed(sources: BuildSources, text: string, options: LocateOptions): void {
  const equals = text.indexOf("=");
  const [name, value] = [text.slice(0, Math.max(0, equals)), text.slice(equals + 1)];
  if (name === "" || value === "") throw new Error(`invalid context value: ${text}, expected key=value`);
  if (value.startsWith("docker-image://")) {
    sources.named[name] = { Kind: "image", Reference: value.slice("docker-image://".length) };
  } else if (value.startsWith("oci-layout://")) {
    sources.named[name] = layoutSource(value.slice("oci-layout://".length), name, options.workingDir);
  } else if (/^(oci-layout|target):/.test(value)) {
    throw new Error(
      `build context ${name}: ${value.split(":")[0]} is not supported: load it as an image, and name that with docker-image://`,
    );
  } else if (isRemote(value)) sources.named[name] = remoteSource(value);
  else {
    const path = absolutePath(options.workingDir, value);
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) {
      throw new Error(`failed to get build context ${name}: stat ${value}: no such directory`);
    }
    sources.named[name] = addDirectory(sources, `named:${name}`, options.realPath(path));
  }
}

/** `path[:tag][@digest]`: the daemon does not see the index. */
function layoutSource(text: string, name: string, workingDir: string): WireContextSource {
  const [, path = "", tag = "latest", digest] =
    /^(.*?)(?::([\w][\w.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$/.exec(text) ?? [];
  const directory = absolutePath(workingDir, path);
  const found = digest ?? manifestOf(directory, tag);
  if (found === undefined) throw new Error(`build context ${name}: there is no image ${tag} in the OCI layout ${path}`);
  return { Kind: "layout", Store: `oci:${directory}`, Digest: found };
}

/** The same directory of the same user and host has the same key in every build, so that only what changed is sent again. */
function addDirectory(sources: BuildSources, name: string, root: string): WireContextSource {
  sources.trees.set(name, diskTree(root));
  // node:os takes longer to load than this to read.
  const host = readFileSync("/proc/sys/kernel/hostname", "utf8").trim();
  const owner = `${host}\0${process.getuid?.() ?? 0}\0${root}`;
  const key = new Bun.CryptoHasher("sha256").update(owner).digest("hex");
  return { Kind: "session", Name: name, SharedKey: key };
}

function isHttp(text: string): boolean {
  return /^https?:\/\//.test(text);
}

const GIT = /^(git:\/\/|ssh:\/\/|github\.com\/|[\w.-]+@[\w.-]+:)/;

function isRemote(text: string): boolean {
  return isHttp(text) || GIT.test(text);
}

/** `http` with a path that ends in `.git` is a repository. @see moby builder/remotecontext/urlutil */
function remoteSource(url: string): WireContextSource {
  const isGit = GIT.test(url) || /\.git(#.*|\?.*)?$/.test(url);
  return isGit ? { Kind: "git", Url: url } : { Kind: "http", Url: url };
}

function splitPath(path: string): [directory: string, name: string] {
  const slash = path.lastIndexOf("/");
  return [path.slice(0, slash) || "/", path.slice(slash + 1)];
}
