import { type Component, compileComponent, matchComponents } from "./components.ts";
import { type GlobToken, parseGlob } from "./glob.ts";
import { joinStars, matchRunning } from "./running-stars.ts";

/** A path that several patterns are asked about: taken apart at most once. */
export class PathView {
  readonly text: string;
  #parts: string[] | undefined;

  /** Without a slash at either end. */
  constructor(text: string) {
    this.text = text;
  }

  get parts(): string[] {
    this.#parts ??= this.text.split("/");
    return this.#parts;
  }
}

/** A pattern that is ready to be asked. */
export interface CompiledPattern {
  /** The path itself; parents do not count. */
  matches(path: PathView): boolean;
  /** The path, or one of its parents. */
  matchesTree(path: PathView): boolean;
  /** Whether something below the directory could match. true where that cannot be told without looking. */
  mayMatchBelow(directory: PathView): boolean;
}

/**
 * `pattern` is clean and without `!`. Throws invalid-argument with Go's words.
 * @see moby/patternmatcher `Pattern.compile`
 */
export function compilePattern(pattern: string): CompiledPattern {
  const tokens = parseGlob(pattern);
  const parts = splitAtSlashes(tokens);
  const components = parts.map(compileComponent);
  const [first, second] = components;
  if (parts.some(hasStarsWithin)) return runningPattern(tokens);
  if (first === "**" && second !== undefined && second !== "**" && components.length === 2) return namePattern(second);
  const literal = literalOf(tokens);
  if (literal !== undefined) return literalPattern(literal);
  const deep = components.indexOf("**");
  return deep < 0 ? fixedPattern(components) : deepPattern(components, deep);
}

function splitAtSlashes(tokens: GlobToken[]): GlobToken[][] {
  const parts: GlobToken[][] = [[]];
  for (const token of tokens) {
    if (token.kind === "one" && token.character === "/") parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts;
}

/** `a**b`: two stars that are only a part of a component. */
function hasStarsWithin(part: GlobToken[]): boolean {
  return part.length > 2 && part.some((token, at) => token.kind === "star" && part[at + 1]?.kind === "star");
}

function literalOf(tokens: GlobToken[]): string | undefined {
  let text = "";
  for (const token of tokens) {
    if (token.kind !== "one") return undefined;
    text += token.character;
  }
  return text;
}

function literalPattern(literal: string): CompiledPattern {
  const below = `${literal}/`;
  return {
    matches: ({ text }) => text === literal,
    matchesTree: ({ text }) => text.startsWith(literal) && (text.length === literal.length || text.startsWith(below)),
    mayMatchBelow: ({ text }) => below.length > text.length && below.startsWith(`${text}/`) && text !== literal,
  };
}

// `**` and one component is by far the most common pattern: any name anywhere.
function namePattern(component: Exclude<Component, "**">): CompiledPattern {
  return {
    matches: ({ text }) => component(text.slice(text.lastIndexOf("/") + 1)),
    matchesTree: ({ parts }) => parts.some(component),
    mayMatchBelow: () => true,
  };
}

/** Without `**`: as many components as the pattern has. */
function fixedPattern(components: Component[]): CompiledPattern {
  const startMatches = (parts: string[], count: number) => {
    for (let at = 0; at < count; at++)
      if (!(components[at] as Exclude<Component, "**">)(parts[at] as string)) return false;
    return true;
  };
  const count = components.length;
  return {
    matches: ({ parts }) => parts.length === count && startMatches(parts, count),
    matchesTree: ({ parts }) => parts.length >= count && startMatches(parts, count),
    mayMatchBelow: ({ parts }) => parts.length < count && startMatches(parts, parts.length),
  };
}

/** `deep`: where the first `**` stands. */
function deepPattern(components: Component[], deep: number): CompiledPattern {
  const start = fixedPattern(components.slice(0, deep));
  const last = components.at(-1) === "**";
  return {
    matches: ({ parts }) => matchComponents(components, parts, parts.length),
    matchesTree: ({ parts }) => {
      // What ends in `**` matches everything below a match, so that no parent needs to be asked.
      for (let count = last ? parts.length : 1; count <= parts.length; count++)
        if (matchComponents(components, parts, count)) return true;
      return false;
    },
    mayMatchBelow: (directory) => start.matchesTree(directory) || start.mayMatchBelow(directory),
  };
}

function runningPattern(tokens: GlobToken[]): CompiledPattern {
  const steps = joinStars(tokens);
  return {
    matches: ({ text }) => matchRunning(steps, text),
    matchesTree: ({ parts }) => parts.some((_, index) => matchRunning(steps, parts.slice(0, index + 1).join("/"))),
    mayMatchBelow: () => true,
  };
}
