import { type GlobToken, matchLength, matchTokens, parseGlob } from "./glob.ts";

/** A pattern that is ready to be asked. Paths have no slash at either end. */
export interface CompiledPattern {
  /** The path itself; parents do not count. */
  matches(path: string): boolean;
  /** The path, or one of its parents. */
  matchesTree(path: string): boolean;
  /** Whether something below the directory could match. true where that cannot be told without looking. */
  mayMatchBelow(directory: string): boolean;
}

type Component = "**" | { literal: string } | { tokens: GlobToken[] };

/**
 * `pattern` is clean and without `!`. Throws invalid-argument with Go's words.
 * @see moby/patternmatcher `Pattern.compile`
 */
export function compilePattern(pattern: string): CompiledPattern {
  const tokens = parseGlob(pattern);
  if (tokens.every((token) => token.kind === "one")) return literalPattern(textOf(tokens));
  const components = splitComponents(tokens);
  if (components === undefined) return runningPattern(tokens);
  return componentPattern(components);
}

function literalPattern(literal: string): CompiledPattern {
  const below = `${literal}/`;
  return {
    matches: (path) => path === literal,
    matchesTree: (path) => path.startsWith(literal) && (path.length === literal.length || path.startsWith(below)),
    mayMatchBelow: (directory) => literal.startsWith(`${directory}/`),
  };
}

/** undefined where `**` is only a part of a component, as in `a**b`. */
function splitComponents(tokens: GlobToken[]): Component[] | undefined {
  const components: Component[] = [];
  let start = 0;
  for (let at = 0; at <= tokens.length; at++) {
    const token = tokens[at];
    if (token !== undefined && !(token.kind === "one" && token.character === "/")) continue;
    const part = tokens.slice(start, at);
    start = at + 1;
    const stars = part.filter((item, index) => item.kind === "star" && part[index + 1]?.kind === "star").length;
    if (stars > 0 && part.length > 2) return undefined;
    if (stars > 0) components.push("**");
    else if (part.every((item) => item.kind === "one")) components.push({ literal: textOf(part) });
    else components.push({ tokens: part });
  }
  return components;
}

function componentPattern(components: Component[]): CompiledPattern {
  const only = components[1];
  // By far the most common one: `**/*.log`.
  if (components.length === 2 && components[0] === "**" && only !== undefined && only !== "**") {
    return {
      matches: (path) => matchComponent(only, path.slice(path.lastIndexOf("/") + 1)),
      matchesTree: (path) => path.split("/").some((part) => matchComponent(only, part)),
      mayMatchBelow: () => true,
    };
  }
  const deep = components.indexOf("**");
  if (deep < 0) return fixedPattern(components);
  return {
    matches: (path) => matchComponents(components, path.split("/")),
    matchesTree: (path) => prefixes(path.split("/")).some((parts) => matchComponents(components, parts)),
    mayMatchBelow: (directory) => {
      const parts = directory.split("/").slice(0, deep);
      return parts.every((part, index) => matchComponent(components[index] as Component, part));
    },
  };
}

/** Without `**`: as many components as the pattern has. */
function fixedPattern(components: Component[]): CompiledPattern {
  const startMatches = (parts: string[], count: number) => {
    for (let at = 0; at < count; at++)
      if (!matchComponent(components[at] as Component, parts[at] as string)) return false;
    return true;
  };
  const single = components[0] as Component;
  if (components.length === 1)
    return {
      matches: (path) => !path.includes("/") && matchComponent(single, path),
      matchesTree: (path) => {
        const slash = path.indexOf("/");
        return matchComponent(single, slash < 0 ? path : path.slice(0, slash));
      },
      mayMatchBelow: () => false,
    };
  return {
    matches: (path) => {
      const parts = path.split("/");
      return parts.length === components.length && startMatches(parts, components.length);
    },
    matchesTree: (path) => {
      const parts = path.split("/");
      return parts.length >= components.length && startMatches(parts, components.length);
    },
    mayMatchBelow: (directory) => {
      const parts = directory.split("/");
      return parts.length < components.length && startMatches(parts, parts.length);
    },
  };
}

function matchComponent(component: Component, part: string): boolean {
  if (component === "**") return true;
  return "literal" in component ? component.literal === part : matchTokens(component.tokens, part);
}

/** `**` in the middle stands for any number of components, at the end for at least one. Only the last `**` is ever lengthened. */
function matchComponents(components: Component[], parts: string[]): boolean {
  let [at, index] = [0, 0];
  let [deepAt, deepIndex] = [-1, -1];
  while (at < parts.length || index < components.length) {
    const component = components[index];
    if (component === "**") {
      if (index === components.length - 1) return at < parts.length;
      [deepAt, deepIndex] = [at, index++];
      continue;
    }
    if (component !== undefined && at < parts.length && matchComponent(component, parts[at] as string)) {
      at++;
      index++;
      continue;
    }
    if (deepIndex < 0 || deepAt >= parts.length) return false;
    at = ++deepAt;
    index = deepIndex + 1;
  }
  return true;
}

/** `a**b`: a `**` within a component is nothing, or all up to some slash; at an end it is any text. */
function runningPattern(tokens: GlobToken[]): CompiledPattern {
  const steps = joinStars(tokens);
  const matches = (path: string) => matchRunning(steps, path);
  return {
    matches,
    matchesTree: (path) => prefixes(path.split("/")).some((parts) => matches(parts.join("/"))),
    mayMatchBelow: () => true,
  };
}

type Step = GlobToken | { kind: "deep" } | { kind: "rest" };

function joinStars(tokens: GlobToken[]): Step[] {
  const steps: Step[] = [];
  for (let at = 0; at < tokens.length; at++) {
    if (tokens[at]?.kind !== "star" || tokens[at + 1]?.kind !== "star") {
      steps.push(tokens[at] as GlobToken);
      continue;
    }
    at++;
    const next = tokens[at + 1];
    if (next?.kind === "one" && next.character === "/") at++;
    // `**foo` is any path that ends so.
    const first = steps.length === 0 && tokens.slice(at + 1).every((token) => token.kind === "one");
    steps.push({ kind: at + 1 >= tokens.length || first ? "rest" : "deep" });
  }
  return steps;
}

/** Follows all ways at once, so that time is the product of both lengths. */
function matchRunning(steps: Step[], path: string): boolean {
  let reached = new Set([0]);
  for (const step of steps) {
    const next = new Set<number>();
    for (const at of reached) {
      if (step.kind === "rest") for (let to = at; to <= path.length && !next.has(to); to++) next.add(to);
      else if (step.kind === "deep") addDeep(next, path, at);
      else if (step.kind === "star") addStar(next, path, at);
      else {
        const length = matchLength(step, path, at);
        if (length > 0) next.add(at + length);
      }
    }
    reached = next;
  }
  return reached.has(path.length);
}

function addStar(next: Set<number>, path: string, at: number): void {
  for (let to = at; !next.has(to); to++) {
    next.add(to);
    if (to >= path.length || path[to] === "/") return;
  }
}

function addDeep(next: Set<number>, path: string, at: number): void {
  next.add(at);
  for (let slash = path.indexOf("/", at); slash >= 0 && !next.has(slash + 1); slash = path.indexOf("/", slash + 1))
    next.add(slash + 1);
}

function prefixes(parts: string[]): string[][] {
  return parts.map((_, index) => parts.slice(0, index + 1));
}

function textOf(tokens: GlobToken[]): string {
  return tokens.map((token) => (token.kind === "one" ? token.character : "")).join("");
}
