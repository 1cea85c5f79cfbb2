import type { ContextSource, SolveRequest } from "../builder.ts";
import { scopedContext } from "../contexts/scoped-context.ts";
import type { ContextOptions, Contexts, OpenContext } from "../contexts/contexts.ts";

/** Bytes of one file that the frontend reads: a Dockerfile or an ignore file. */
const FILE_LIMIT_BYTES = 4 << 20;

/** As Go reads it; everything else is no, as for BuildKit. */
const TRUE = ["1", "t", "T", "true", "TRUE", "True"];

/** Contexts of one build, each opened when it is first needed. Without a Dockerfile's own, it is in the main one. */
export class JobContexts {
  readonly #contexts: Pick<Contexts, "open">;
  readonly #sources: Map<string, ContextSource>;
  readonly #subdirectory: string;
  readonly #open = new Map<string, Promise<OpenContext>>();

  constructor(contexts: Pick<Contexts, "open">, request: SolveRequest) {
    const { dockerfile, namedContexts } = request;
    const context = withGitDirectory(request);
    this.#contexts = contexts;
    this.#subdirectory = request.contextSubdirectory ?? "";
    this.#sources = new Map(Object.entries(namedContexts));
    this.#sources.set("context", context ?? { kind: "archive", archive: emptyArchive() });
    if (dockerfile !== undefined) this.#sources.set("dockerfile", dockerfile);
  }

  open(name: string, options: ContextOptions): Promise<OpenContext> {
    const key = name === "dockerfile" && !this.#sources.has(name) ? "context" : name;
    const source = this.#sources.get(key);
    if (source === undefined) throw new Error(`the build has no context ${name}`);
    const opening = this.#open.get(key) ?? this.#openNew(key, source, options);
    this.#open.set(key, opening);
    return opening;
  }

  async #openNew(key: string, source: ContextSource, options: ContextOptions): Promise<OpenContext> {
    const opened = await this.#contexts.open(source, options);
    return key === "context" && this.#subdirectory !== "" ? scopedContext(opened, this.#subdirectory) : opened;
  }

  /** Small files of a context by path; what is not there is not in the map. */
  async readFiles(name: string, paths: string[], options: ContextOptions): Promise<Map<string, Uint8Array>> {
    const context = await this.open(name, options);
    if (context.onlyDockerfile === undefined) return context.readFiles(paths, FILE_LIMIT_BYTES, options.signal);
    // The first is the Dockerfile, whatever it is called.
    const [dockerfile] = paths.filter((path) => !path.endsWith(".dockerignore"));
    return new Map(dockerfile === undefined ? [] : [[dockerfile, context.onlyDockerfile]]);
  }

  async close(): Promise<void> {
    const opened = await Promise.allSettled(this.#open.values());
    await Promise.allSettled(opened.map(async (one) => (one.status === "fulfilled" ? one.value.close() : undefined)));
  }
}

/** BUILDKIT_CONTEXT_KEEP_GIT_DIR: of the main context; what its own URL says counts more. */
function withGitDirectory({ context, buildArgs }: SolveRequest): ContextSource | undefined {
  const isWanted = TRUE.includes(buildArgs["BUILDKIT_CONTEXT_KEEP_GIT_DIR"] ?? "");
  return context?.kind === "git" && isWanted ? { ...context, keepGitDirectory: true } : context;
}

/** Two blocks of zeros are a tar of nothing. */
async function* emptyArchive(): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(1024);
}
