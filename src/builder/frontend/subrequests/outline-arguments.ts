import { expandWord, noNames } from "../../../formats/dockerfile/expand.ts";
import type { Dockerfile, Location } from "../../../formats/dockerfile/instructions.ts";
import type { Environment } from "../environment.ts";
import type { StageNode } from "../stage-node.ts";
import type { StageArgument, StageState } from "../stage-state.ts";

export interface UsedArgument {
  name: string;
  value: string | undefined;
  location: Location;
}

interface GlobalArgument extends UsedArgument {
  /** Names that its default is made of. */
  uses: Set<string>;
}

/**
 * Arguments that the stages ask for: those above the first FROM that a FROM or ARG uses, also by way of others, and those that stages
 * declare. Each name once; `states` in the order in which the stages count. By line.
 * @see BuildKit frontend/dockerfile/dockerfile2llb/outline.go `args`
 */
export function usedArguments(
  dockerfile: Dockerfile,
  globals: Environment,
  states: readonly [StageNode, StageState][],
): UsedArgument[] {
  const known = globalDefinitions(dockerfile, globals);
  const used = new Set<string>();
  const own = new Map<string, UsedArgument>();
  for (const [{ stage }, { args }] of states) {
    const { base = "", platform = "" } = stage?.from ?? {};
    for (const name of [...namesIn(base), ...namesIn(platform)]) used.add(name);
    // Of an ARG that is declared twice the last one counts.
    for (const argument of args.toReversed()) note(argument, used, own);
  }
  for (const name of used) for (const further of known.get(name)?.uses ?? []) used.add(further);
  const global = [...used].flatMap((name) => (own.has(name) ? [] : (known.get(name) ?? [])));
  return [...own.values(), ...global].sort((left, right) => left.location.startLine - right.location.startLine);
}

function note(
  { name, value, location, isGlobal }: StageArgument,
  used: Set<string>,
  own: Map<string, UsedArgument>,
): void {
  if (isGlobal) used.add(name);
  else if (!own.has(name) && !used.has(name)) own.set(name, { name, value, location });
}

function globalDefinitions({ metaArgs }: Dockerfile, globals: Environment): Map<string, GlobalArgument> {
  const known = new Map<string, GlobalArgument>();
  for (const { args, location } of metaArgs) {
    for (const { name, value } of args) {
      const uses = value === undefined ? new Set<string>() : namesIn(value);
      uses.delete(name);
      known.set(name, { name, value: globals.get(name), location, uses });
    }
  }
  return known;
}

/** Variables that a word names. The file was planned before, so it can be read. */
function namesIn(word: string): Set<string> {
  const names = noNames();
  expandWord(word, () => "set", { names });
  return names.matched;
}
