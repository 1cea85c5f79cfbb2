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
  return {
    matches: ({ text }) => text === literal,
    mayMatchBelow: ({ text }) => literal.startsWith(`${text}/`),
  };
}

// `**` and one component is by far the most common pattern: any name anywhere.
function namePattern(component: Exclude<Component, "**">): CompiledPattern {
  return {
    matches: ({ text }) => component(text.slice(text.lastIndexOf("/") + 1)),
    mayMatchBelow: () => true,
  };
}

/** Without `**`: as many components as the pattern has. */
function fixedPattern(components: Component[]): CompiledPattern {
  const count = components.length;
  return {
    matches: ({ parts }) => parts.length === count && startMatches(components, parts, count),
    mayMatchBelow: ({ parts }) => parts.length < count && startMatches(components, parts, parts.length),
  };
}

/** `deep`: where the first `**` stands. */
function deepPattern(components: Component[], deep: number): CompiledPattern {
  return {
    matches: ({ parts }) => matchComponents(components, parts),
    mayMatchBelow: ({ parts }) => startMatches(components, parts, Math.min(parts.length, deep)),
  };
}

/** Whether the first `count` components, none of them `**`, describe as many parts. */
function startMatches(components: Component[], parts: string[], count: number): boolean {
  for (let at = 0; at < count; at++) {
    const component = components[at];
    if (component === undefined || component === "**" || !component(parts[at] as string)) return false;
  }
  return true;
}

function runningPattern(tokens: GlobToken[]): CompiledPattern {
  const steps = joinStars(tokens);
  return {
    matches: ({ text }) => matchRunning(steps, text),
    mayMatchBelow: () => true,
  };
}
