import type { WireBuildEvent } from "../../../wire/build-messages.ts";
import { BuildState, isDone, type Step, type StepChange, stepSeconds } from "./build-state.ts";
import { transferSeconds, transferText } from "./transfer-text.ts";

/** A step that says nothing for so long gives way to others that have something to say. */
const QUIET_MS = 1000;
/** A transfer is told again after so long, and when it is complete. */
const TRANSFER_MS = 1000;
/** Characters that are kept of steps that wait for their turn; beyond that they take it. */
const MAX_WAITING_CHARACTERS = 1024 * 1024;

interface Waiting {
  text: string;
  done: boolean;
}

/** Progress as lines, in buildx's look: each step in one piece where that does not keep others waiting. */
export class PlainProgress {
  readonly state = new BuildState();
  readonly #waiting = new Map<Step, Waiting>();
  readonly #transfersTold = new Map<string, number>();
  readonly #ended = new Set<Step>();
  #current: Step | undefined;
  #currentSince = 0;
  #waitingCharacters = 0;

  /** The text that is to be written now. */
  update(events: readonly WireBuildEvent[], nowMs: number): string {
    // One after the other: what a step was, when something of it was told, counts.
    for (const event of events) for (const change of this.state.apply([event], nowMs)) this.#note(change, nowMs);
    return this.#take(nowMs);
  }

  /** What still waits; at the end of the build, however it ended. */
  finish(nowMs: number): string {
    let text = this.#take(nowMs);
    for (const step of [...this.#waiting.keys()]) text += this.#leave() + this.#enter(step, nowMs);
    return text + this.#leave();
  }

  #note(change: StepChange, nowMs: number): void {
    const { step } = change;
    if (this.#ended.has(step) && change.kind === "vertex") return;
    const before = `#${step.number} `;
    if (change.kind === "line") this.#add(step, `${before}${change.line.seconds.toFixed(3)} ${change.line.text}\n`);
    else if (change.kind === "transfer") {
      const { transfer } = change;
      // What has only begun says nothing yet.
      if (transfer.CompletedAt === null && transfer.Current === 0) return;
      const key = `${step.vertex.Digest} ${transfer.Id}`;
      const told = this.#transfersTold.get(key);
      if (transfer.CompletedAt === null && told !== undefined && nowMs - told < TRANSFER_MS) return;
      this.#transfersTold.set(key, nowMs);
      if (transfer.CompletedAt !== null) this.#transfersTold.delete(key);
      const seconds = transferSeconds(transfer, nowMs);
      const time = seconds >= 0.1 ? ` ${seconds.toFixed(1)}s` : "";
      this.#add(step, `${before}${transferText(transfer)}${time}${transfer.CompletedAt === null ? "" : " done"}\n`);
    } else this.#noteVertex(step, nowMs);
  }

  #noteVertex(step: Step, nowMs: number): void {
    const { vertex } = step;
    if (vertex.StartedAt === null && !isDone(step)) return;
    if (!isDone(step)) {
      this.#add(step, "");
      return;
    }
    this.#ended.add(step);
    const end =
      vertex.Error !== ""
        ? `ERROR: ${vertex.Error}`
        : vertex.Cached
          ? "CACHED"
          : `DONE ${stepSeconds(step, nowMs).toFixed(1)}s`;
    this.#add(step, `#${step.number} ${end}\n\n`).done = true;
  }

  #add(step: Step, text: string): Waiting {
    const waiting = this.#waiting.get(step) ?? { text: "", done: false };
    this.#waiting.set(step, waiting);
    waiting.text += text;
    this.#waitingCharacters += text.length;
    return waiting;
  }

  #take(nowMs: number): string {
    let text = "";
    for (;;) {
      const mine = this.#current === undefined ? undefined : this.#waiting.get(this.#current);
      if (this.#current !== undefined && mine !== undefined) text += this.#enter(this.#current, nowMs);
      else if (this.#current === undefined || this.#givesWay(nowMs)) {
        const next = this.#next();
        if (next === undefined) return text;
        text += this.#leave() + this.#enter(next, nowMs);
      } else return text;
    }
  }

  #givesWay(nowMs: number): boolean {
    return nowMs - this.#currentSince >= QUIET_MS || this.#waitingCharacters > MAX_WAITING_CHARACTERS;
  }

  /** Those that are done first: they are told in one piece. */
  #next(): Step | undefined {
    const steps = [...this.#waiting].toSorted(([a], [b]) => a.number - b.number);
    return (steps.find(([, { done }]) => done) ?? steps[0])?.[0];
  }

  #enter(step: Step, nowMs: number): string {
    const waiting = this.#waiting.get(step);
    if (waiting === undefined) return "";
    this.#waiting.delete(step);
    this.#waitingCharacters -= waiting.text.length;
    const head = this.#current === step ? "" : `#${step.number} ${oneLine(step.vertex.Name)}\n`;
    this.#current = waiting.done ? undefined : step;
    this.#currentSince = nowMs;
    return head + waiting.text;
  }

  /** The line that says that a step goes on. */
  #leave(): string {
    const step = this.#current;
    this.#current = undefined;
    return step === undefined ? "" : `#${step.number} ...\n\n`;
  }
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, " ");
}
