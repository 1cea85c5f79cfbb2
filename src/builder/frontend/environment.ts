import { DockerfileError } from "../../formats/dockerfile/dockerfile-error.ts";
import { MAX_ENVIRONMENT_CHARS } from "../../formats/dockerfile/limits.ts";

/** Variables in the order in which they were last set, as BuildKit hands them to a RUN. */
export class Environment {
  /** The lines are kept, too: many RUNs share them. */
  readonly #variables: Map<string, { value: string; line: string }>;
  #chars: number;

  constructor(from?: Environment) {
    this.#variables = new Map(from === undefined ? [] : from.#variables);
    this.#chars = from === undefined ? 0 : from.#chars;
  }

  get(name: string): string | undefined {
    return this.#variables.get(name)?.value;
  }

  /** Throws DockerfileError where all variables together grow past MAX_ENVIRONMENT_CHARS. */
  set(name: string, value: string): void {
    const line = `${name}=${value}`;
    this.#chars += line.length - (this.#variables.get(name)?.line.length ?? 0);
    if (this.#chars > MAX_ENVIRONMENT_CHARS) {
      throw new DockerfileError(`variables of a stage are longer than ${MAX_ENVIRONMENT_CHARS} characters in all`);
    }
    this.#variables.delete(name);
    this.#variables.set(name, { value, line });
  }

  /** `NAME=value`. */
  lines(): string[] {
    return Array.from(this.#variables.values(), ({ line }) => line);
  }

  copy(): Environment {
    return new Environment(this);
  }
}

/** A line of an image's `Env`; without "=" the value is empty. */
export function splitVariable(line: string): [string, string] {
  const equals = line.indexOf("=");
  return equals === -1 ? [line, ""] : [line.slice(0, equals), line.slice(equals + 1)];
}
