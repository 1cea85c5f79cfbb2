/** Variables in the order in which they were last set, as BuildKit hands them to a RUN. */
export class Environment {
  readonly #values: Map<string, string>;

  constructor(entries: Iterable<readonly [string, string]> = []) {
    this.#values = new Map(entries);
  }

  get(name: string): string | undefined {
    return this.#values.get(name);
  }

  set(name: string, value: string): void {
    this.#values.delete(name);
    this.#values.set(name, value);
  }

  names(): string[] {
    return [...this.#values.keys()];
  }

  /** `NAME=value`. */
  lines(): string[] {
    return Array.from(this.#values, ([name, value]) => `${name}=${value}`);
  }

  copy(): Environment {
    return new Environment(this.#values);
  }
}

/** A line of an image's `Env`; without "=" the value is empty. */
export function splitVariable(line: string): [string, string] {
  const equals = line.indexOf("=");
  return equals === -1 ? [line, ""] : [line.slice(0, equals), line.slice(equals + 1)];
}
