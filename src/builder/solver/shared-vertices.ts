import { SharedJobs } from "../../base/shared-jobs.ts";
import type { BuildEvent } from "../events.ts";
import type { TreeResult } from "../results.ts";
import { createLogClipper } from "./log-clipper.ts";

/** Events of one vertex that are kept for builds that join late. */
const MAX_TOLD = 8192;

/** A build that wants a vertex carried out. */
export interface Participant {
  /** Events of the vertex, also those from before it joined. `vertex` in them is anybody's name for it. */
  report: (event: BuildEvent) => void;
  /** It is its turn: there was room for it. */
  started: () => void;
  /** Digests and chainIDs that must stay until this build is over. */
  hold: (keys: string[]) => void;
  signal: AbortSignal;
}

/** What carrying it out may tell, and whom: everybody who waits for it. */
export interface SharedContext extends Participant {}

/**
 * Vertices under way, each carried out once however many builds want it. Who gives up leaves the rest alone; the last who does ends
 * the work, and waits for its end, so that nothing of it is left behind by a build that is over.
 */
export class SharedVertices {
  readonly #jobs = new SharedJobs<TreeResult>();
  readonly #running = new Map<string, Running>();

  /** Joins the vertex of this key, or starts it. `began` gets its whole work: what the starter lends must last until then. */
  async run(
    key: string,
    participant: Participant,
    {
      start,
      began,
    }: { start: (shared: SharedContext) => Promise<TreeResult>; began: (work: Promise<unknown>) => void },
  ): Promise<TreeResult> {
    const result = this.#jobs.run(key, participant.signal, (signal) => {
      const running = new Running(signal, start);
      this.#running.set(key, running);
      const forget = () => {
        if (this.#running.get(key) === running) this.#running.delete(key);
      };
      began(running.settled.then(forget));
      return running.result;
    });
    // Who was too late even to begin has not joined.
    const running = this.#running.get(key);
    if (running === undefined) return result;
    running.join(participant);
    try {
      return await result;
    } finally {
      running.leave(participant);
      if (running.isDeserted) await running.settled;
    }
  }
}

class Running {
  readonly result: Promise<TreeResult>;
  /** Resolves at its end, whichever it is. */
  readonly settled: Promise<void>;
  readonly #participants = new Set<Participant>();
  readonly #told: BuildEvent[] = [];
  readonly #held: string[] = [];
  #hasStarted = false;
  readonly #signal: AbortSignal;

  constructor(signal: AbortSignal, start: (shared: SharedContext) => Promise<TreeResult>) {
    this.#signal = signal;
    const clipper = createLogClipper((event) => this.#tell(event));
    const shared = {
      report: clipper.report,
      started: () => this.#start(),
      hold: (keys: string[]) => this.#hold(keys),
    };
    this.result = start({ signal, ...shared }).catch((error: unknown) => {
      clipper.failed();
      throw error;
    });
    this.settled = this.result.then(
      () => undefined,
      () => undefined,
    );
  }

  /** Nobody waits for it any more. */
  get isDeserted(): boolean {
    return this.#signal.aborted;
  }

  join(participant: Participant): void {
    this.#participants.add(participant);
    participant.hold(this.#held);
    if (this.#hasStarted) participant.started();
    for (const event of this.#told) participant.report(event);
  }

  leave(participant: Participant): void {
    this.#participants.delete(participant);
  }

  #start(): void {
    this.#hasStarted = true;
    for (const { started } of this.#participants) started();
  }

  /** Of progress only the newest counts for who comes later; output is limited. */
  #tell(event: BuildEvent): void {
    if (event.kind === "progress") {
      const before = this.#told.findIndex((one) => one.kind === "progress" && one.id === event.id);
      if (before >= 0) this.#told.splice(before, 1);
    }
    this.#told.push(event);
    if (this.#told.length > MAX_TOLD) this.#told.shift();
    for (const { report } of this.#participants) report(event);
  }

  #hold(keys: string[]): void {
    this.#held.push(...keys);
    for (const { hold } of this.#participants) hold(keys);
  }
}
