import { DirectiveReader } from "./directives.ts";
import { DockerfileError, withLocation } from "./dockerfile-error.ts";
import { heredocsOf } from "./heredoc.ts";
import type { Dockerfile, Heredoc, Location } from "./instructions.ts";
import { MAX_DOCKERFILE_BYTES, MAX_HEREDOCS, MAX_INSTRUCTIONS, MAX_LINES } from "./limits.ts";
import { trimLeft } from "./spaces.ts";
import { splitCommand } from "./split-command.ts";
import { parseJsonArray } from "./words.ts";

/** An instruction before anything is known of its meaning. */
export interface Line {
  /** Continuation lines joined, comments dropped. */
  text: string;
  location: Location;
  /** With the tabs that `<<-` will drop. */
  heredocs: Heredoc[];
}

export interface Lines {
  directives: Dockerfile["directives"];
  lines: Line[];
  emptyContinuations: Location[];
}

/**
 * Splits a file into instructions. With `escape` it is no file but a piece of one, which has no directives. Throws
 * DockerfileError. @see BuildKit frontend/dockerfile/parser/parser.go `Parse`
 */
export function readLines(source: string, escape?: "\\" | "`"): Lines {
  return new LineReader(source, new DirectiveReader(escape)).read();
}

class LineReader {
  readonly #lines: string[];
  readonly #directives: DirectiveReader;
  readonly #emptyContinuations: Location[] = [];
  /** How many lines were read, so the number of the last one. */
  #at = 0;

  constructor(source: string, directives: DirectiveReader) {
    this.#directives = directives;
    if (source.length > MAX_DOCKERFILE_BYTES)
      throw new DockerfileError(`dockerfile is larger than ${MAX_DOCKERFILE_BYTES} bytes`);
    this.#lines = source.replace(/^\uFEFF/, "").split("\n");
    // What stands behind the last line feed is no line.
    if (this.#lines.at(-1) === "") this.#lines.pop();
    if (this.#lines.length > MAX_LINES) throw new DockerfileError(`dockerfile has more than ${MAX_LINES} lines`);
  }

  read(): Lines {
    const lines: Line[] = [];
    while (this.#at < this.#lines.length) {
      const line = this.#instruction();
      if (line === undefined) continue;
      if (lines.length === MAX_INSTRUCTIONS)
        throw new DockerfileError(`dockerfile has more than ${MAX_INSTRUCTIONS} instructions`, line.location);
      lines.push(line);
    }
    if (lines.length === 0) throw new DockerfileError("file with no instructions");
    return { directives: this.#directives.found, lines, emptyContinuations: this.#emptyContinuations };
  }

  #instruction(): Line | undefined {
    const first = trimLeft(this.#next());
    const startLine = this.#at;
    if (this.#isDirective(first) || first === "" || first.startsWith("#")) return undefined;
    const { text, continued } = this.#withoutContinuation(first);
    const parts = [text];
    if (continued) this.#continuations(parts);
    const joined = parts.join("");
    const location = { startLine, endLine: this.#at };
    const heredocs = this.#heredocs(joined, location);
    return { text: joined, location: { startLine, endLine: this.#at }, heredocs };
  }

  #isDirective(line: string): boolean {
    try {
      return this.#directives.line(line);
    } catch (error) {
      throw withLocation(error, { startLine: this.#at, endLine: this.#at });
    }
  }

  /** Appends what follows a line that ended in the escape, to the first line that does not. */
  #continuations(parts: string[]): void {
    let hasEmpty = false;
    for (let more = true; more && this.#at < this.#lines.length; ) {
      const line = this.#next();
      const trimmed = trimLeft(line);
      if (trimmed.startsWith("#")) continue;
      if (trimmed === "") {
        hasEmpty = true;
        continue;
      }
      const { text, continued } = this.#withoutContinuation(line);
      parts.push(text);
      more = continued;
    }
    if (hasEmpty) this.#emptyContinuations.push({ startLine: this.#at, endLine: this.#at });
  }

  /** The escape at the end, unless another one stands before it, with the blanks behind it. */
  #withoutContinuation(line: string): { text: string; continued: boolean } {
    const escape = this.#directives.found.escape;
    let end = line.length;
    while (end > 0 && (line[end - 1] === " " || line[end - 1] === "\t")) end--;
    const continued = line[end - 1] === escape && line[end - 2] !== escape;
    return { text: continued ? line.slice(0, end - 1) : line, continued };
  }

  #heredocs(text: string, location: Location): Heredoc[] {
    if (!text.includes("<<") || !mayHaveHeredocs(text, this.#directives.found.escape)) return [];
    try {
      const heredocs = heredocsOf(text);
      if (heredocs.length > MAX_HEREDOCS) throw new DockerfileError(`more than ${MAX_HEREDOCS} heredocs`);
      return heredocs.map((heredoc) => ({ ...heredoc, content: this.#content(heredoc) }));
    } catch (error) {
      throw withLocation(error, { startLine: location.startLine, endLine: this.#at });
    }
  }

  #content({ name, chomp }: Heredoc): string {
    const start = this.#at;
    while (this.#at < this.#lines.length) {
      const line = this.#next();
      if ((chomp ? line.replace(/^\t+/, "") : line) !== name) continue;
      const end = this.#at - 1;
      return end === start ? "" : `${this.#lines.slice(start, end).join("\n")}\n`;
    }
    throw new DockerfileError("unterminated heredoc");
  }

  /** Without the carriage returns at its end. */
  #next(): string {
    const line = this.#lines[this.#at++] as string;
    let end = line.length;
    while (line[end - 1] === "\r") end--;
    return line.slice(0, end);
  }
}

/** Documents belong to ADD, COPY and RUN, also behind ONBUILD, unless their arguments are JSON. */
function mayHaveHeredocs(text: string, escape: string): boolean {
  let command = splitCommand(text, escape);
  if (command.name.toUpperCase() === "ONBUILD") command = splitCommand(command.rest, escape);
  if (!["ADD", "COPY", "RUN"].includes(command.name.toUpperCase())) return false;
  try {
    return parseJsonArray(command.rest) === undefined;
  } catch {
    return false; // Whoever reads the instruction will say what is wrong with the array.
  }
}
