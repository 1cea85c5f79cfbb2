import type { ContextSource, SolveRequest } from "../builder.ts";
import type { ContextOptions, Contexts, OpenContext } from "../contexts/contexts.ts";

/** Bytes of one file that the frontend reads: a Dockerfile or an ignore file. */
const FILE_LIMIT_BYTES = 4 << 20;

/** Contexts of one build, each opened when it is first needed. Without a Dockerfile's own, it is in the main one. */
export class JobContexts {
  readonly #contexts: Pick<Contexts, "open">;
  readonly #sources: Map<string, ContextSource>;
  readonly #open = new Map<string, Promise<OpenContext>>();

  constructor(contexts: Pick<Contexts, "open">, { context, dockerfile, namedContexts }: SolveRequest) {
    this.#contexts = contexts;
    this.#sources = new Map(Object.entries(namedContexts));
    this.#sources.set("context", context ?? { kind: "archive", archive: emptyArchive() });
    if (dockerfile !== undefined) this.#sources.set("dockerfile", dockerfile);
  }

  open(name: string, options: ContextOptions): Promise<OpenContext> {
    const key = name === "dockerfile" && !this.#sources.has(name) ? "context" : name;
    const source = this.#sources.get(key);
    if (source === undefined) throw new Error(`the build has no context ${name}`);
    const opening = this.#open.get(key) ?? this.#contexts.open(source, options);
    this.#open.set(key, opening);
    return opening;
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

/** Two blocks of zeros are a tar of nothing. */
async function* emptyArchive(): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(1024);
}
