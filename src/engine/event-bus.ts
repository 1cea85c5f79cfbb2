import type { Clock } from "../base/clock.ts";

/** One event as `docker events` shows it. */
export interface EngineEvent {
  type: "container" | "image" | "volume" | "network" | "builder" | "daemon";
  /** `create`, `start`, `die`, `exec_create: sh`, … Docker's words. */
  action: string;
  actorId: string;
  attributes: Record<string, string>;
  timeNs: bigint;
}

export type Publish = (event: Omit<EngineEvent, "timeNs">) => void;

export interface Subscription {
  /** Undefined: live events only. */
  sinceNs?: bigint;
  /** Undefined: until the signal. A time in the past ends after the kept events. */
  untilNs?: bigint;
  filters: Record<string, string[]>;
  signal: AbortSignal;
}

/** The last events are kept for `since`; a subscriber that does not read is cut off, never waited for. */
export interface EventBus {
  publish: Publish;
  /** Past events from `sinceNs`, then live ones until `untilNs` or the signal. */
  subscribe(options: Subscription): AsyncIterable<EngineEvent>;
  readonly subscriberCount: number;
}

/** Events kept for late subscribers (Docker keeps 256). */
const KEPT_EVENTS = 2048;
/** Events waiting for one slow reader before it is cut off. */
const QUEUED_EVENTS = 16_384;

interface Subscriber {
  accepts(event: EngineEvent): boolean;
  push(event: EngineEvent): void;
}

export function createEventBus(clock: Clock): EventBus {
  const kept: EngineEvent[] = [];
  const subscribers = new Set<Subscriber>();
  return {
    publish(event) {
      const stamped = { ...event, timeNs: clock.nowNs() };
      kept.push(stamped);
      if (kept.length > KEPT_EVENTS) kept.shift();
      for (const subscriber of subscribers) if (subscriber.accepts(stamped)) subscriber.push(stamped);
    },
    subscribe: (options) => subscribe(options, { kept, subscribers, clock }),
    get subscriberCount() {
      return subscribers.size;
    },
  };
}

interface BusState {
  kept: EngineEvent[];
  subscribers: Set<Subscriber>;
  clock: Clock;
}

/** Registered at the call, not at the first read: nothing that is published in between is missed. */
function subscribe(options: Subscription, { kept, subscribers, clock }: BusState): AsyncIterable<EngineEvent> {
  const { sinceNs, untilNs, filters, signal } = options;
  const queue: EngineEvent[] = [];
  let closed = signal.aborted;
  let wake: (() => void) | undefined;
  const notify = () => {
    wake?.();
    wake = undefined;
  };
  const close = () => {
    closed = true;
    clearTimeout(timer);
    subscribers.delete(subscriber);
    signal.removeEventListener("abort", close);
    notify();
  };
  const subscriber: Subscriber = {
    accepts: (event) => matchesFilters(event, filters) && (untilNs === undefined || event.timeNs <= untilNs),
    push(event) {
      if (queue.length >= QUEUED_EVENTS) return close();
      queue.push(event);
      notify();
    },
  };
  if (sinceNs !== undefined)
    queue.push(...kept.filter((event) => event.timeNs >= sinceNs && subscriber.accepts(event)));
  let timer: ReturnType<typeof setTimeout> | undefined;
  if (!closed) {
    subscribers.add(subscriber);
    signal.addEventListener("abort", close, { once: true });
    if (untilNs !== undefined) armDeadline(untilNs);
  }

  /** setTimeout counts 32 bits of milliseconds: a far deadline is reached in several steps. */
  function armDeadline(deadlineNs: bigint): void {
    const remainingMs = Number(deadlineNs - clock.nowNs()) / 1e6;
    if (remainingMs <= 0) return close();
    timer = setTimeout(() => armDeadline(deadlineNs), Math.min(remainingMs + 1, 2 ** 31 - 1));
  }

  async function* events(): AsyncGenerator<EngineEvent> {
    try {
      for (;;) {
        const event = queue.shift();
        if (event !== undefined) yield event;
        else if (closed) return;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    } finally {
      close();
    }
  }
  return events();
}

/**
 * Docker's event filters: values of one name are alternatives, names add up. `label` values must all hold.
 * @see spec of `GET /events`
 */
export function matchesFilters(event: EngineEvent, filters: Record<string, string[]>): boolean {
  return Object.entries(filters).every(([name, values]) =>
    name === "label"
      ? values.every((label) => hasLabel(event.attributes, label))
      : values.length === 0 || values.some((value) => matchesOne(event, name, value)),
  );
}

function matchesOne(event: EngineEvent, name: string, value: string): boolean {
  switch (name) {
    case "event":
      return event.action === value || event.action.split(":")[0] === value;
    case "type":
      return event.type === value;
    case "scope":
      return value === "local";
    case "daemon":
    case "container":
    case "network":
    case "volume":
      return (
        event.type === name && (event.attributes.name === value || (value !== "" && event.actorId.startsWith(value)))
      );
    case "image":
      return matchesImage(event, value);
    default:
      return false;
  }
}

/** An image event by its id or name; any event that carries the image's name, with or without its tag. */
function matchesImage(event: EngineEvent, value: string): boolean {
  const names = [
    event.attributes.image,
    event.type === "image" ? event.attributes.name : undefined,
    event.type === "image" ? event.actorId : undefined,
  ];
  return names.some((candidate) => candidate !== undefined && (candidate === value || withoutTag(candidate) === value));
}

function withoutTag(reference: string): string {
  const colon = reference.lastIndexOf(":");
  return colon > reference.lastIndexOf("/") ? reference.slice(0, colon) : reference;
}

function hasLabel(attributes: Record<string, string>, label: string): boolean {
  const [key = "", value] = label.split(/=(.*)/s);
  return Object.hasOwn(attributes, key) && (value === undefined || attributes[key] === value);
}
