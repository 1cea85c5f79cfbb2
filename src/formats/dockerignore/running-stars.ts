import { type GlobToken, matchLength } from "./glob.ts";

/** `deep`: nothing, or all up to some slash. `rest`: any text. */
export type RunningStep = GlobToken | { kind: "deep" } | { kind: "rest" };

/**
 * Patterns with `**` within a component (`a**b`), which moby takes for "a, anything up to some slash or nothing, b". At an end the
 * two stars are any text. @see moby/patternmatcher `Pattern.compile`
 */
export function joinStars(tokens: GlobToken[]): RunningStep[] {
  const steps: RunningStep[] = [];
  for (let at = 0; at < tokens.length; at++) {
    if (tokens[at]?.kind !== "star" || tokens[at + 1]?.kind !== "star") {
      steps.push(tokens[at] as GlobToken);
      continue;
    }
    at++;
    // `**foo` is any path that ends so.
    const isSuffix = steps.length === 0 && tokens.slice(at + 1).every((token) => token.kind === "one");
    const next = tokens[at + 1];
    if (next?.kind === "one" && next.character === "/") at++;
    steps.push({ kind: isSuffix || at + 1 >= tokens.length ? "rest" : "deep" });
  }
  return steps;
}

/** Follows all ways at once, so that time is at most the product of both lengths. */
export function matchRunning(steps: RunningStep[], path: string): boolean {
  let reached = new Set([0]);
  for (const step of steps) {
    const next = new Set<number>();
    for (const at of reached) {
      if (step.kind === "rest") addRest(next, path, at);
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

function addRest(next: Set<number>, path: string, at: number): void {
  for (let to = at; to <= path.length && !next.has(to); to++) next.add(to);
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
