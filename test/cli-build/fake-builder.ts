import type {
  Builder,
  BuildJob,
  ExportResult,
  HistoryRecord,
  Output,
  Solved,
  SolveRequest,
} from "../../src/builder/builder.ts";
import type { BuildEvent, BuildWarning } from "../../src/builder/events.ts";
import type { BuildSession } from "../../src/builder/session.ts";

/** What a test makes of a build. */
export interface FakeBuild {
  session: BuildSession;
  signal: AbortSignal;
  tell: (event: BuildEvent) => void;
}

export interface FakeBuilderOptions {
  solve?: (request: SolveRequest, build: FakeBuild) => Promise<Partial<Solved> | undefined>;
  exported?: (outputs: Output[], build: FakeBuild) => Promise<Partial<ExportResult> | undefined>;
  call?: { json: string; text: string; warnings: BuildWarning[] };
}

export interface FakeBuilder extends Builder {
  requests: SolveRequest[];
  outputs: Output[][];
  /** `finish` was called with these. */
  outcomes: (string | undefined)[];
  records: HistoryRecord[];
  /** Builds whose signal was aborted. */
  canceled: number;
  /** An event of a build that was started. */
  tell(ref: string, event: BuildEvent): void;
}

export const IMAGE_ID = `sha256:${"ab".repeat(32)}`;

/** A builder that does what the test says, and keeps what it was asked. */
export function createFakeBuilder(options: FakeBuilderOptions = {}): FakeBuilder {
  const jobs = new Map<string, { job: BuildJob; log: EventLog }>();
  const fake: FakeBuilder = {
    requests: [],
    outputs: [],
    outcomes: [],
    records: [],
    canceled: 0,
    tell: (ref, event) => (jobs.get(ref) ?? fail(ref)).log.add(event),
    start(ref, { session }) {
      if (session === undefined) throw new Error("the build has no session");
      const log = new EventLog();
      const job = fakeJob(ref, { fake, log, session, options });
      jobs.set(ref, { job, log });
      return job;
    },
    job: async (ref) => jobs.get(ref)?.job ?? fail(ref),
    cancel: () => undefined,
    cache: async () => [],
    prune: async () => ({ removed: [], reclaimedBytes: 0 }),
    gcPolicy: () => [{ all: false, filters: { type: ["source.local"] }, keepStorageBytes: 2e9 }],
    history: () => fake.records,
    async *watchHistory() {},
    pin() {
      throw new Error("this command pins no build");
    },
    logs: (ref) => (jobs.get(ref) ?? fail(ref)).log.read(),
    forget: (ref) => void (fake.records = fake.records.filter((record) => record.ref !== ref)),
    close: async () => undefined,
  };
  return fake;
}

function fail(ref: string): never {
  throw new Error(`no build ${ref}`);
}

interface JobParts {
  fake: FakeBuilder;
  log: EventLog;
  session: BuildSession;
  options: FakeBuilderOptions;
}

function fakeJob(ref: string, { fake, log, session, options }: JobParts): BuildJob {
  const build = (signal: AbortSignal): FakeBuild => {
    signal.addEventListener("abort", () => fake.canceled++, { once: true });
    return { session, signal, tell: (event) => log.add(event) };
  };
  return {
    ref,
    check: () => undefined,
    async solve(request, signal) {
      fake.requests.push(request);
      const solved = await options.solve?.(request, build(signal));
      return { targets: [], warnings: [], ...solved };
    },
    async export(_solved, outputs, { signal }) {
      fake.outputs.push(outputs);
      const response = { "containerimage.digest": IMAGE_ID };
      return { imageId: IMAGE_ID, response, ...(await options.exported?.(outputs, build(signal))) };
    },
    async call(request) {
      fake.requests.push(request);
      return options.call ?? { json: "{}", text: "", warnings: [] };
    },
    files() {
      throw new Error("this command looks into no result");
    },
    resolveImage() {
      throw new Error("this command asks for no image");
    },
    events: () => log.read(),
    finish({ error }) {
      fake.outcomes.push(error);
      log.end();
    },
  };
}

/** Events so far, then those to come. */
class EventLog {
  readonly #events: BuildEvent[] = [];
  #over = false;
  #wake = Promise.withResolvers<void>();

  add(event: BuildEvent): void {
    this.#events.push(event);
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  end(): void {
    this.#over = true;
    this.#wake.resolve();
  }

  async *read(): AsyncGenerator<BuildEvent> {
    for (let at = 0; ; ) {
      const event = this.#events[at];
      if (event !== undefined) {
        at++;
        yield event;
      } else if (this.#over) return;
      else await this.#wake.promise;
    }
  }
}
