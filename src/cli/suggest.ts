import { editDistance } from "../base/edit-distance.ts";

/** Verbs of Docker's that this version does not have; saying so is more use than "unknown command". */
export const LATER_VERBS: readonly string[] =
  "bake checkpoint compose config context node plugin secret service stack stats swarm update".split(" ");

/** A word further away than this is no typing mistake. */
const MAX_DISTANCE = 2;

export function laterVerb(word: string): boolean {
  return LATER_VERBS.includes(word);
}

/** The candidate that `word` was probably meant to be. Pure. */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = (word.length <= 3 ? 1 : MAX_DISTANCE) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word, candidate);
    if (distance < bestDistance && distance < Math.max(word.length, 2)) [best, bestDistance] = [candidate, distance];
  }
  return best;
}
