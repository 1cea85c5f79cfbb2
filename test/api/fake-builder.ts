import { createHash } from "node:crypto";
import { EngineError, invalid } from "../../src/base/errors.ts";
import type {
  Builder,
  BuildJob,
  CacheSpec,
  ContextSource,
  HistoryRecord,
  Output,
  PruneOptions,
  Solved,
  SolveRequest,
  Subrequest,
} from "../../src/builder/builder.ts";
import type { BuildEvent, VertexStatus } from "../../src/builder/events.ts";
import type { BuildSession, DirectoryRequest, RemoteEntry } from "../../src/builder/session.ts";

export const IMAGE_ID = `sha256:${"1b".repeat(32)}`;

/** A vertex's name that is the same for the same text. */
export function digestOf(text: string): string {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

export function vertex(name: string, more: Partial<VertexStatus> = {}): BuildEvent {
  const startedAt = new Date("2026-01-01T00:00:00Z");
  const all = { digest: digestOf(name), inputs: [], name, startedAt, completedAt: undefined, cached: false };
  return { kind: "vertex", vertex: { ...all, error: "", stage: "stage-0", step: "1/1", ...more } };
}

export const DONE = { completedAt: new Date("2026-01-01T00:00:01.5Z") };

export function log(name: string, text: string, stream: 1 | 2 = 1): BuildEvent {
  const at = new Date("2026-01-01T00:00:00.25Z");
  return { kind: "log", vertex: digestOf(name), stream, data: new TextEncoder().encode(text), at };
}

/** What a script may do in the place of a real build. */
export interface FakeSolve {
  request: SolveRequest;
  session: BuildSession | undefined;
  signal: AbortSignal;
  emit: (event: BuildEvent) => void;
}

/** A builder without a solver: what it is asked is kept, what happens is a script. */
export interface FakeBuilder extends Builder {
  requests: SolveRequest[];
  exports: { outputs: Output[]; cacheTo: CacheSpec[] }[];
  calls: { request: SolveRequest; call: Subrequest }[];
  prunes: PruneOptions[];
  finished: { ref: string; error: string | undefined }[];
  cancelled: string[];
  forgotten: string[];
  past: HistoryRecord[];
  onSolve(script: (solve: FakeSolve) => Promise<void>): void;
  onExport(script: (outputs: Output[], session: BuildSession | undefined, signal: AbortSignal) => Promise<void>): void;
}

export function createFakeBuilder(): FakeBuilder {
  const jobs = new Map<string, BuildJob>();
  const arrivals: (() => void)[] = [];
  let solveScript: (solve: FakeSolve) => Promise<void> = async () => undefined;
  let exportScript: (outputs: Output[], session: BuildSession | undefined, signal: AbortSignal) => Promise<void> =
    async () => undefined;
  const fake: FakeBuilder = {
    requests: [],
    exports: [],
    calls: [],
    prunes: [],
    finished: [],
    cancelled: [],
    forgotten: [],
    past: [],
    onSolve(script) {
      solveScript = script;
    },
    onExport(script) {
      exportScript = script;
    },
    start(ref, { session }) {
      const { job, cancel } = fakeJob(fake, ref, {
        session,
        solve: (solve) => solveScript(solve),
        export: (outputs, signal) => exportScript(outputs, session, signal),
      });
      cancels.set(ref, cancel);
      jobs.set(ref, job);
      for (const wake of arrivals.splice(0)) wake();
      return job;
    },
    async job(ref) {
      for (;;) {
        const found = jobs.get(ref);
        if (found !== undefined) return found;
        await new Promise<void>((resolve) => arrivals.push(resolve));
      }
    },
    cancel(ref) {
      fake.cancelled.push(ref);
      cancels.get(ref)?.();
    },
    cache: async () => [
      {
        id: "cache-1",
        parents: ["cache-0"],
        type: "regular",
        description: "RUN make",
        inUse: false,
        shared: true,
        sizeBytes: 123,
        createdAt: new Date("2026-01-01T00:00:00Z"),
        lastUsedAt: undefined,
        usageCount: 2,
      },
    ],
    async prune(options) {
      fake.prunes.push(options);
      return { removed: await fake.cache(), reclaimedBytes: 123 };
    },
    gcPolicy: () => [{ all: false, filters: { type: ["source.local"] }, keepStorageBytes: 2e9 }],
    history: () => fake.past,
    async *watchHistory() {},
    pin() {
      throw new Error("the history of a fake does not change: see test/clients/build-bridge.test.ts");
    },
    async *logs(ref) {
      yield vertex(`log of ${ref}`, DONE);
    },
    forget: (ref) => void fake.forgotten.push(ref),
    close: async () => undefined,
  };
  const cancels = new Map<string, () => void>();
  return fake;
}

interface JobScripts {
  session: BuildSession | undefined;
  solve(solve: FakeSolve): Promise<void>;
  export(outputs: Output[], signal: AbortSignal): Promise<void>;
}

function fakeJob(fake: FakeBuilder, ref: string, scripts: JobScripts): { job: BuildJob; cancel: () => void } {
  const cancelled = new AbortController();
  const events: BuildEvent[] = [];
  const readers: (() => void)[] = [];
  let over = false;
  const wake = () => {
    for (const one of readers.splice(0)) one();
  };
  const emit = (event: BuildEvent) => {
    events.push(event);
    wake();
  };
  const job: BuildJob = {
    ref,
    check: () => undefined,
    async solve(request, signal) {
      fake.requests.push(request);
      const all = AbortSignal.any([signal, cancelled.signal]);
      await Promise.race([scripts.solve({ request, session: scripts.session, signal: all, emit }), rejectOnAbort(all)]);
      return solvedFor(request);
    },
    async export(_, outputs, { cacheTo, signal }) {
      fake.exports.push({ outputs, cacheTo });
      await scripts.export(outputs, signal);
      const digest = { "containerimage.digest": IMAGE_ID, "containerimage.config.digest": IMAGE_ID };
      return outputs.some(({ type }) => type === "image")
        ? { imageId: IMAGE_ID, response: digest }
        : { imageId: undefined, response: {} };
    },
    async call(request, call) {
      fake.calls.push({ request, call });
      return { json: `{"call":"${call}"}`, text: `text of ${call}`, warnings: [] };
    },
    files() {
      throw new Error("nothing looks into a result here: see test/clients/build-bridge.test.ts");
    },
    resolveImage() {
      throw new Error("nothing asks for an image here: see test/clients/build-bridge.test.ts");
    },
    async *events(signal) {
      for (let at = 0; ; at++) {
        while (at >= events.length) {
          if (over || signal.aborted) return;
          await new Promise<void>((resolve) => {
            readers.push(resolve);
            signal.addEventListener("abort", () => resolve(), { once: true });
          });
        }
        yield events[at] as BuildEvent;
      }
    },
    finish({ error }) {
      over = true;
      fake.finished.push({ ref, error });
      wake();
    },
  };
  return { job, cancel: () => cancelled.abort() };
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const onAbort = () => reject(new EngineError("unavailable", "context canceled"));
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
}

function solvedFor({ platforms }: SolveRequest): Solved {
  const wanted = platforms.length === 0 ? ["linux/amd64"] : platforms;
  return {
    warnings: [],
    targets: wanted.map((platform) => {
      const [os = "", architecture = "", variant] = platform.split("/");
      return {
        platform: { os, architecture, ...(variant === undefined ? {} : { variant }) },
        config: { os, architecture, config: { Cmd: ["sh"] } },
        result: { kind: "tree", layers: [], chainId: undefined, createdAt: new Date(0), added: undefined },
        materials: [],
      };
    }),
  };
}

/** Everything of an archive context. */
export async function readArchive(context: ContextSource | undefined): Promise<Uint8Array> {
  if (context?.kind !== "archive") throw invalid(`the context is no archive but ${context?.kind}`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of context.archive) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A directory of the client, as it came. */
export interface ReceivedDirectory {
  entries: RemoteEntry[];
  /** By path. */
  contents: Map<string, string>;
}

export async function receiveAll(
  session: BuildSession | undefined,
  request: Partial<DirectoryRequest> & { name: string },
  signal: AbortSignal,
): Promise<ReceivedDirectory> {
  if (session === undefined) throw invalid("there is no session");
  const entries: RemoteEntry[] = [];
  const chunks = new Map<number, Uint8Array[]>();
  const ended = new Set<number>();
  await session.receive(
    { include: [], exclude: [], followPaths: [], ...request },
    {
      entry(entry, index) {
        if (index !== entries.length) throw new Error(`entry ${index} after ${entries.length}`);
        entries.push(entry);
        if (entry.type === "file" && entry.linkName === "") chunks.set(index, []);
        return entry.type === "file";
      },
      data: (index, bytes) => void chunks.get(index)?.push(Uint8Array.from(bytes)),
      end: (index) => void ended.add(index),
    },
    signal,
  );
  if (ended.size !== chunks.size) throw new Error(`${ended.size} files of ${chunks.size} came to their end`);
  const contents = [...chunks].map(
    ([index, list]) => [entries[index]?.path ?? "", Buffer.concat(list).toString()] as const,
  );
  return { entries, contents: new Map(contents) };
}
