import type { BuildEvent, VertexStatus } from "../../../builder/events.ts";
import type { WireProgress } from "../../../wire/progress.ts";

/** Output of a step that waits for its turn. Of more than this the beginning is left out. */
const MAX_WAITING_BYTES = 1024 * 1024;
/** Docker's short form of an ID. */
const SHORT_ID = 12;

interface Step {
  /** `Step 2/5 : RUN make`. */
  title: string;
  /** Its vertex; undefined: it changes only the config. */
  vertex: string | undefined;
}

interface Progress {
  status: VertexStatus | undefined;
  waiting: WireProgress[];
  waitingBytes: number;
  decoder: TextDecoder;
}

/**
 * Turns what happens in a build into what a classic client reads: one step after the other, in the order of the Dockerfile,
 * although they run side by side. What a step says before its turn waits. Pure but for its state.
 *
 * The IDs after `--->` name layers, not images: steps leave none behind here. The one after `Running in` is the step's.
 */
export class ClassicSteps {
  readonly #removed: boolean;
  #steps: Step[] = [];
  #planned = false;
  /** The step whose turn it is, and how far it is told. */
  #at = 0;
  #told: "nothing" | "title" | "start" = "nothing";
  #lastId = "";
  readonly #progress = new Map<string, Progress>();

  /** `removed`: the containers of steps go when they are done (`rm`). */
  constructor({ removed }: { removed: boolean }) {
    this.#removed = removed;
  }

  take(event: BuildEvent): WireProgress[] {
    if (event.kind === "steps") this.#plan(event.steps);
    else if (event.kind === "vertex") this.#vertex(event.vertex);
    else if (event.kind === "log") this.#output(event.vertex, event.data);
    else if (event.kind === "progress") this.#count(event);
    return this.#advance();
  }

  /** What is left to tell of a build that failed: the step that did, and what it said. */
  failed(): WireProgress[] {
    const culprit = this.#steps.findIndex(({ vertex }) => (this.#statusOf(vertex)?.error ?? "") !== "");
    if (culprit < this.#at) return [];
    if (culprit > this.#at) this.#told = "nothing";
    this.#at = culprit;
    const step = this.#steps[culprit];
    if (step === undefined) return [];
    return [...this.#title(step), ...this.#start(step), ...this.#flush(step.vertex)];
  }

  #plan(steps: { text: string; vertex: string | undefined }[]): void {
    this.#planned = true;
    this.#steps = steps.map(({ text, vertex }, index) => ({
      title: `Step ${index + 1}/${steps.length} : ${text}`,
      vertex,
    }));
  }

  #vertex(status: VertexStatus): void {
    const { digest, stage, step, name } = status;
    const known = this.#progress.has(digest);
    this.#of(digest).status = status;
    // Without a plan, steps are the vertices of stages as they come.
    if (known || this.#planned || stage === "") return;
    this.#steps.push({ title: `Step ${step} : ${name.replace(/^\[[^\]]*\] /, "")}`, vertex: digest });
  }

  #output(vertex: string, data: Uint8Array): void {
    const text = this.#of(vertex).decoder.decode(data, { stream: true });
    if (text !== "") this.#wait(vertex, { stream: text }, data.byteLength);
  }

  /** Counts that nobody has seen yet give way to newer ones. */
  #count(event: Extract<BuildEvent, { kind: "progress" }>): void {
    const { waiting } = this.#of(event.vertex);
    const id = event.id.replace(/^.*sha256:/, "").slice(0, SHORT_ID);
    const detail = { current: event.current, ...(event.total > 0 ? { total: event.total } : {}) };
    const done = event.completedAt !== undefined;
    const message = { id, status: done ? "Pull complete" : event.name, progressDetail: done ? {} : detail };
    const earlier = waiting.findIndex((one) => one.id === id);
    if (earlier >= 0) waiting[earlier] = message;
    else this.#wait(event.vertex, message, 1);
  }

  #wait(vertex: string, message: WireProgress, bytes: number): void {
    const progress = this.#of(vertex);
    progress.waiting.push(message);
    progress.waitingBytes += bytes;
    while (progress.waitingBytes > MAX_WAITING_BYTES && progress.waiting.length > 1) {
      progress.waitingBytes -= progress.waiting.shift()?.stream?.length ?? 1;
    }
  }

  #advance(): WireProgress[] {
    const messages: WireProgress[] = [];
    for (;;) {
      const step = this.#steps[this.#at];
      if (step === undefined) return messages;
      const status = this.#statusOf(step.vertex);
      const begun = step.vertex === undefined || status?.startedAt !== undefined || status?.cached === true;
      if (!begun) return messages;
      messages.push(...this.#title(step), ...this.#start(step), ...this.#flush(step.vertex));
      const isOver = step.vertex === undefined || (status?.completedAt !== undefined && status.error === "");
      if (!isOver) return messages;
      messages.push(...this.#end(step, status));
    }
  }

  #title(step: Step): WireProgress[] {
    if (this.#told !== "nothing") return [];
    this.#told = "title";
    return [{ stream: `${step.title}\n` }];
  }

  #start(step: Step): WireProgress[] {
    const status = this.#statusOf(step.vertex);
    if (this.#told !== "title" || status === undefined) return [];
    this.#told = "start";
    if (status.cached) return isRun(step) || !isFrom(step) ? [{ stream: " ---> Using cache\n" }] : [];
    return isRun(step) ? [{ stream: ` ---> Running in ${containerId(status.digest)}\n` }] : [];
  }

  #flush(vertex: string | undefined): WireProgress[] {
    if (vertex === undefined) return [];
    const progress = this.#of(vertex);
    progress.waitingBytes = 0;
    return progress.waiting.splice(0);
  }

  #end(step: Step, status: VertexStatus | undefined): WireProgress[] {
    this.#at++;
    this.#told = "nothing";
    if (status !== undefined) this.#lastId = shortId(status.digest);
    const ran = status !== undefined && !status.cached && isRun(step) && this.#removed;
    return [
      ...(ran ? [{ stream: `Removing intermediate container ${containerId(status.digest)}\n` }] : []),
      ...(this.#lastId === "" ? [] : [{ stream: ` ---> ${this.#lastId}\n` }]),
    ];
  }

  #statusOf(vertex: string | undefined): VertexStatus | undefined {
    return vertex === undefined ? undefined : this.#progress.get(vertex)?.status;
  }

  #of(vertex: string): Progress {
    let progress = this.#progress.get(vertex);
    if (progress === undefined) {
      progress = { status: undefined, waiting: [], waitingBytes: 0, decoder: new TextDecoder() };
      this.#progress.set(vertex, progress);
    }
    return progress;
  }
}

function isRun({ title }: Step): boolean {
  return / : RUN\s/i.test(title);
}

function isFrom({ title }: Step): boolean {
  return / : FROM\s/i.test(title);
}

export function shortId(digest: string): string {
  return digest.replace(/^sha256:/, "").slice(0, SHORT_ID);
}

function containerId(digest: string): string {
  return digest.slice(-SHORT_ID);
}
