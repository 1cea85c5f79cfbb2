/** One event as `docker events` shows it. */
export interface EngineEvent {
  type: "container" | "image" | "volume" | "network" | "daemon";
  /** `create`, `start`, `die`, `exec_create: sh`, … Docker's words. */
  action: string;
  actorId: string;
  attributes: Record<string, string>;
  timeNs: bigint;
}

export type Publish = (event: Omit<EngineEvent, "timeNs">) => void;

/** The last events are kept for `since`; a subscriber that does not read is cut off, never waited for. */
export interface EventBus {
  publish: Publish;
  /** Past events from `sinceNs`, then live ones until `untilNs` or the signal. */
  subscribe(options: {
    sinceNs?: bigint;
    untilNs?: bigint;
    filters: Record<string, string[]>;
    signal: AbortSignal;
  }): AsyncIterable<EngineEvent>;
  readonly subscriberCount: number;
}
