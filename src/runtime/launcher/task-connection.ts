import type { Socket } from "node:net";
import { EventReader, type LauncherEvent } from "./frames.ts";

/** Requests that wait for an answer at one time. */
const MAX_PENDING_REQUESTS = 1024;

/** The daemon's standing connection to one launcher: events in order, requests answered in order. */
export class TaskConnection {
  readonly #socket: Socket;
  readonly #reader = new EventReader();
  readonly #listeners = new Set<(event: LauncherEvent) => void>();
  readonly #seen = new Map<LauncherEvent["type"], LauncherEvent>();
  readonly #pending: { resolve: (errno: number) => void; reject: (error: Error) => void }[] = [];
  #closed = false;
  /** Settles when the launcher is gone. Never rejects. */
  readonly closed: Promise<void>;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        this.#closed = true;
        for (const { reject } of this.#pending.splice(0)) reject(new Error("the launcher has ended"));
        resolve();
      });
    });
    socket.on("error", () => undefined); // "close" follows
    socket.on("end", () => socket.end());
    socket.on("data", (bytes: Buffer) => this.#take(bytes));
  }

  /** The listener also hears what was said before it came (the last event of each type): a short task starts and ends at once. */
  onEvent(listener: (event: LauncherEvent) => void): void {
    this.#listeners.add(listener);
    for (const event of this.#seen.values()) listener(event);
  }

  /** The launcher's answer to a request: zero or an errno. Rejects if it ends before. */
  request(frame: Uint8Array): Promise<number> {
    if (this.#closed) return Promise.reject(new Error("the launcher has ended"));
    if (this.#pending.length >= MAX_PENDING_REQUESTS)
      return Promise.reject(new Error("too many requests to a launcher"));
    return new Promise((resolve, reject) => {
      this.#pending.push({ resolve, reject });
      this.#socket.write(frame);
    });
  }

  unref(): void {
    this.#socket.unref();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #take(bytes: Buffer): void {
    let events: LauncherEvent[];
    try {
      events = this.#reader.push(bytes);
    } catch {
      this.#socket.destroy();
      return;
    }
    for (const event of events) {
      if (event.type === "answer") {
        this.#pending.shift()?.resolve(event.errno);
        continue;
      }
      this.#seen.set(event.type, event);
      for (const listener of this.#listeners) listener(event);
    }
  }
}
