import { conflict } from "../../../base/errors.ts";

export type Sharing = "shared" | "private" | "locked";

/** One directory of a cache mount, and who uses it now. */
export interface CacheInstance {
  id: string;
  /** All instances with one key are for the same mounts; there are several where private ones were used at once. */
  key: string;
  description: string;
  createdAt: Date;
  lastUsedAt: Date;
  /** Settles when its first content is there. */
  ready: Promise<void>;
}

interface Use {
  users: number;
  isShared: boolean;
}

/**
 * Who may use which directory, as BuildKit has it: `shared` joins other shared users, else takes an idle instance, else gets a new
 * one; `private` takes an idle or a new one; `locked` waits, in order, until an instance is idle. Pure bookkeeping.
 */
export class CacheLeases {
  readonly #instances = new Map<string, CacheInstance>();
  readonly #uses = new Map<string, Use>();
  readonly #waiting = new Map<string, (() => void)[]>();

  all(): CacheInstance[] {
    return [...this.#instances.values()];
  }

  isUsed(id: string): boolean {
    return this.#uses.has(id);
  }

  add(instance: CacheInstance): void {
    this.#instances.set(instance.id, instance);
  }

  /** Throws conflict while it is used. undefined: there is none. */
  remove(id: string): CacheInstance | undefined {
    if (this.#uses.has(id)) throw conflict(`cache mount ${id} is in use`);
    const instance = this.#instances.get(id);
    this.#instances.delete(id);
    if (instance !== undefined) this.#wake(instance.key);
    return instance;
  }

  /** An instance to use now. "new": make one, and `add` it at once. "wait": until `available`. */
  take(key: string, sharing: Sharing): CacheInstance | "new" | "wait" {
    const known = this.all().filter((instance) => instance.key === key);
    const joined = sharing === "shared" ? known.find(({ id }) => this.#uses.get(id)?.isShared) : undefined;
    const instance = joined ?? known.find(({ id }) => !this.#uses.has(id));
    if (instance === undefined) return sharing === "locked" && known.length > 0 ? "wait" : "new";
    this.use(instance.id, sharing);
    return instance;
  }

  use(id: string, sharing: Sharing): void {
    const use = this.#uses.get(id);
    if (use !== undefined) use.users++;
    else this.#uses.set(id, { users: 1, isShared: sharing === "shared" });
  }

  release(id: string): void {
    const use = this.#uses.get(id);
    if (use === undefined || --use.users > 0) return;
    this.#uses.delete(id);
    const key = this.#instances.get(id)?.key;
    if (key !== undefined) this.#wake(key);
  }

  /** Resolves when it is worth to `take` again. Rejects with the signal's reason. */
  available(key: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const queue = this.#waiting.get(key) ?? [];
      this.#waiting.set(key, queue);
      const wake = () => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        queue.splice(queue.indexOf(wake), 1);
        reject(signal.reason as Error);
      };
      if (signal.aborted) return reject(signal.reason as Error);
      signal.addEventListener("abort", leave, { once: true });
      queue.push(wake);
    });
  }

  /** The first in line; it takes the instance at once, before anybody who comes later can. */
  #wake(key: string): void {
    const queue = this.#waiting.get(key);
    queue?.shift()?.();
    if (queue?.length === 0) this.#waiting.delete(key);
  }
}
