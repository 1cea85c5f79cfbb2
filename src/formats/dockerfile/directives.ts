import { messageOf } from "../../base/errors.ts";
import { parseBool } from "../../base/go-values.ts";
import { DockerfileError } from "./dockerfile-error.ts";
import type { CheckOptions, Dockerfile } from "./instructions.ts";
import { trimLeft, trimSpace } from "./spaces.ts";

type Directives = Dockerfile["directives"];

const NAMES = ["syntax", "escape", "check"];

/**
 * Reads `# name=value` lines at the top of a file. `line` returns true while it takes lines as directives; the first line that is
 * none ends that for good. @see BuildKit frontend/dockerfile/parser/directives.go
 */
export class DirectiveReader {
  readonly found: Directives;
  readonly #seen = new Set<string>();
  #done: boolean;

  /** With `escape` there are no directives: it is what one of them said before. */
  constructor(escape?: "\\" | "`") {
    this.found = { syntax: undefined, escape: escape ?? "\\", check: undefined };
    this.#done = escape !== undefined;
  }

  /** Throws where a directive is repeated, or its value is impossible. */
  line(text: string): boolean {
    if (this.#done) return false;
    const directive = parseDirective(text, "#");
    if (directive === undefined) {
      this.#done = true;
      return false;
    }
    if (this.#seen.has(directive.name))
      throw new DockerfileError(`only one ${directive.name} parser directive can be used`);
    this.#seen.add(directive.name);
    if (directive.name === "escape") this.found.escape = escapeOf(directive.value);
    if (directive.name === "syntax") this.found.syntax = directive.value;
    if (directive.name === "check") this.found.check = parseCheckOptions(directive.value);
    return true;
  }
}

function parseDirective(line: string, comment: string): { name: string; value: string } | undefined {
  if (!line.startsWith(comment)) return undefined;
  const text = trimLeft(line.slice(comment.length));
  const equals = text.indexOf("=");
  const name = trimSpace(text.slice(0, Math.max(equals, 0))).toLowerCase();
  const value = trimSpace(text.slice(equals + 1));
  return NAMES.includes(name) && value !== "" ? { name, value } : undefined;
}

function escapeOf(value: string): "\\" | "`" {
  if (value !== "\\" && value !== "`")
    throw new DockerfileError(`invalid escape token '${value}' does not match \` or \\`);
  return value;
}

/**
 * `skip=A,B;experimental=all;error=true`, as the directive and the build argument BUILDKIT_DOCKERFILE_CHECK have it. Throws where a
 * key or the value of `error` is not known. @see BuildKit frontend/dockerfile/linter/linter.go `ParseLintOptions`
 */
export function parseCheckOptions(value: string): CheckOptions {
  const options: CheckOptions = { skip: [], skipAll: false, experimental: [], experimentalAll: false, error: false };
  if (trimSpace(value) === "") return options;
  for (const part of value.split(";")) {
    const equals = part.indexOf("=");
    if (equals < 0) throw new DockerfileError(`invalid check option ${JSON.stringify(part)}`);
    const [key, text] = [trimSpace(part.slice(0, equals)), trimSpace(part.slice(equals + 1))];
    if (key === "error") options.error = booleanOf(text, part);
    else if (key !== "skip" && key !== "experimental")
      throw new DockerfileError(`invalid check option ${JSON.stringify(key)}`);
    else if (text === "all") options[`${key}All`] = true;
    else options[key] = text.split(",").map(trimSpace);
  }
  return options;
}

function booleanOf(text: string, option: string): boolean {
  try {
    return parseBool(text);
  } catch (error) {
    const message = `failed to parse check option ${JSON.stringify(option)}: ${messageOf(error)}`;
    throw new DockerfileError(message, undefined, { cause: error });
  }
}

/**
 * The frontend image that the file asks for. Unlike the other directives it may also stand behind `//` or in JSON, and behind a
 * `#!` line, because not every frontend reads Dockerfiles. @see BuildKit `DetectSyntax`
 */
export function detectSyntax(source: string): string | undefined {
  const text = source.replace(/^\uFEFF/, "").replace(/^#!.*(\n|$)/, "");
  for (const comment of ["#", "//"]) {
    for (const line of text.split("\n", NAMES.length)) {
      const directive = parseDirective(line, comment);
      if (directive === undefined) break;
      if (directive.name === "syntax") return directive.value;
    }
  }
  if (!trimLeft(text).startsWith("{")) return undefined;
  try {
    const value: unknown = (JSON.parse(text) as Record<string, unknown>).syntax;
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined; // No JSON after all, so nothing asks for another frontend.
  }
}
