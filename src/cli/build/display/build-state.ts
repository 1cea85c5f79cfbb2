import type { WireBuildEvent, WireBuildWarning, WireTransfer, WireVertex } from "../../../wire/build-messages.ts";

/** Of a step's output: shown when it fails. */
const MAX_TAIL_LINES = 30;
/** A line that does not end is one when it has become this long. */
const MAX_LINE_CHARACTERS = 64 * 1024;
/** Transfers of one step that are kept; a pull has one for each layer. */
const MAX_TRANSFERS = 1000;

export interface LogLine {
  text: string;
  /** Since the step began. */
  seconds: number;
}

/** One step as it is shown. */
export interface Step {
  /** From 1, in the order in which they were heard of. */
  number: number;
  vertex: WireVertex;
  transfers: Map<string, WireTransfer>;
  /** The last whole lines of its output. */
  tail: LogLine[];
  /** A line of its output that has not ended, by stream. */
  partial: Map<number, string>;
  /** When it was heard of last, milliseconds since the epoch. */
  changedAt: number;
}

/** What a batch of events changed: for displays that tell one after the other. */
export type StepChange = { step: Step } & (
  | { kind: "vertex" }
  | { kind: "transfer"; transfer: WireTransfer }
  | { kind: "line"; line: LogLine }
);

/** All that is known of a build's progress. */
export class BuildState {
  readonly steps = new Map<string, Step>();
  readonly warnings: WireBuildWarning[] = [];
  readonly #decoders = new Map<string, TextDecoder>();

  /** Returns what changed, in order. */
  apply(events: readonly WireBuildEvent[], nowMs: number): StepChange[] {
    return events.flatMap((event) => this.#applyOne(event, nowMs));
  }

  #applyOne({ Vertex, Progress, Log, Warning }: WireBuildEvent, nowMs: number): StepChange[] {
    if (Warning !== undefined) this.warnings.push(Warning.Warning);
    if (Vertex !== undefined) return this.#applyVertex(Vertex, nowMs);
    const step = this.steps.get(Progress?.Vertex ?? Log?.Vertex ?? "");
    if (step === undefined) return [];
    step.changedAt = nowMs;
    if (Progress !== undefined) {
      if (step.transfers.size < MAX_TRANSFERS || step.transfers.has(Progress.Id))
        step.transfers.set(Progress.Id, Progress);
      return [{ kind: "transfer", step, transfer: Progress }];
    }
    return Log === undefined ? [] : this.#applyLog(step, Log);
  }

  #applyVertex(vertex: WireVertex, nowMs: number): StepChange[] {
    const known = this.steps.get(vertex.Digest);
    const step = known ?? {
      number: this.steps.size + 1,
      vertex,
      transfers: new Map(),
      tail: [],
      partial: new Map(),
      changedAt: nowMs,
    };
    step.vertex = vertex;
    step.changedAt = nowMs;
    if (known === undefined) this.steps.set(vertex.Digest, step);
    const rest = vertex.CompletedAt === null ? [] : this.#endLines(step, vertex.CompletedAt);
    return [...rest, { kind: "vertex", step }];
  }

  #applyLog(step: Step, log: NonNullable<WireBuildEvent["Log"]>): StepChange[] {
    const key = `${step.vertex.Digest} ${log.Stream}`;
    const decoder = this.#decoders.get(key) ?? new TextDecoder();
    this.#decoders.set(key, decoder);
    const text =
      (step.partial.get(log.Stream) ?? "") + decoder.decode(Buffer.from(log.Data, "base64"), { stream: true });
    const lines = text.split("\n");
    const last = lines.pop() ?? "";
    const isLong = last.length > MAX_LINE_CHARACTERS;
    if (isLong) lines.push(last);
    step.partial.set(log.Stream, isLong ? "" : last);
    return lines.map((line) => this.#addLine(step, line, log.At));
  }

  #endLines(step: Step, at: number): StepChange[] {
    const rest = [...step.partial.values()].filter((text) => text !== "");
    step.partial.clear();
    for (const stream of [1, 2]) this.#decoders.delete(`${step.vertex.Digest} ${stream}`);
    return rest.map((text) => this.#addLine(step, text, at));
  }

  #addLine(step: Step, text: string, at: number): StepChange {
    const line = { text: text.replace(/\r$/, ""), seconds: Math.max(0, at - (step.vertex.StartedAt ?? at)) / 1000 };
    step.tail.push(line);
    if (step.tail.length > MAX_TAIL_LINES) step.tail.shift();
    return { kind: "line", step, line };
  }
}

export function isDone({ vertex }: Step): boolean {
  return vertex.CompletedAt !== null || vertex.Cached;
}

/** How long it has taken, or took. */
export function stepSeconds({ vertex }: Step, nowMs: number): number {
  if (vertex.StartedAt === null) return 0;
  return Math.max(0, (vertex.CompletedAt ?? nowMs) - vertex.StartedAt) / 1000;
}
