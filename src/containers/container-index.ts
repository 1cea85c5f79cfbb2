import { conflict, invalid, notFound } from "../base/errors.ts";
import type { Entry } from "./entry.ts";

const ID_PREFIX = /^[0-9a-f]{1,64}$/;

/** Every container of the engine, by ID and by name. In memory: records only survive the process. */
export class ContainerIndex {
  readonly #entries = new Map<string, Entry>();
  readonly #idsByName = new Map<string, string>();

  /** Takes the name before the container exists, so that two creations cannot have it. Throws conflict. */
  reserve(name: string, id: string): void {
    const holder = this.#idsByName.get(name);
    if (holder !== undefined && holder !== id) {
      throw conflict(
        `Conflict. The container name "/${name}" is already in use by container "${holder}". You have to remove (or rename) that container to be able to reuse that name.`,
      );
    }
    this.#idsByName.set(name, id);
  }

  isTaken(name: string): boolean {
    return this.#idsByName.has(name);
  }

  release(name: string, id: string): void {
    if (this.#idsByName.get(name) === id) this.#idsByName.delete(name);
  }

  add(entry: Entry): void {
    this.#entries.set(entry.id, entry);
    this.#idsByName.set(entry.definition.spec.name, entry.id);
  }

  delete(entry: Entry): void {
    this.#entries.delete(entry.id);
    this.release(entry.definition.spec.name, entry.id);
  }

  /** Full ID, then name, then unambiguous ID prefix: Docker's order. Throws not-found. */
  find(reference: string): Entry {
    const found = this.tryFind(reference);
    if (found === undefined) throw notFound("container", reference);
    return found;
  }

  tryFind(reference: string): Entry | undefined {
    const byId = this.#entries.get(reference);
    if (byId !== undefined) return byId;
    const name = reference.startsWith("/") ? reference.slice(1) : reference;
    const id = this.#idsByName.get(name);
    const byName = id === undefined ? undefined : this.#entries.get(id);
    return byName ?? this.#byPrefix(reference);
  }

  #byPrefix(prefix: string): Entry | undefined {
    if (!ID_PREFIX.test(prefix)) return undefined;
    let found: Entry | undefined;
    for (const [id, entry] of this.#entries) {
      if (!id.startsWith(prefix)) continue;
      if (found !== undefined) throw invalid(`multiple IDs found with provided prefix: ${prefix}`);
      found = entry;
    }
    return found;
  }

  has(id: string): boolean {
    return this.#entries.has(id);
  }

  all(): IterableIterator<Entry> {
    return this.#entries.values();
  }

  get size(): number {
    return this.#entries.size;
  }
}
