import { DockerfileError } from "../dockerfile-error.ts";
import { expandWord } from "../expand.ts";
import type { ArgInstruction, PairsInstruction, Stage } from "../instructions.ts";
import { MAX_ENVIRONMENT_CHARS } from "../limits.ts";
import type { CheckRun } from "./check-input.ts";

/** Values of the arguments before the first FROM, and of those that every build has. */
export function globalArgs(run: CheckRun, buildArgs: Readonly<Record<string, string>>): Map<string, string> {
  const values = new Map(Object.entries(run.platformArgs));
  for (const instruction of run.dockerfile.metaArgs)
    for (const { name, value } of instruction.args) {
      const given = Object.hasOwn(buildArgs, name) ? buildArgs[name] : value && expandOr(value, values, run);
      if (given !== undefined) values.set(name, given);
    }
  return values;
}

/** The stage or image that a stage stands on, as a stage would be called: `build-$TARGETARCH` is one of several. */
export function baseOf(stage: Stage, global: ReadonlyMap<string, string>, run: CheckRun): string {
  return expandOr(stage.from.base, global, run).toLowerCase();
}

/** What is known of the variables of a stage while its instructions are gone through. */
export interface Variables {
  /** ENV, and ARG with a value. */
  values: Map<string, string>;
  /** ARG without one. */
  declared: Set<string>;
  /** All values that were ever set, in characters. */
  chars: number;
}

/**
 * The variables that a stage starts with: those of the stage or image it stands on. undefined: not known.
 * `before`: the variables at the end of each earlier stage, by name.
 */
export function startVariables(
  stage: Stage,
  input: CheckRun,
  { base, before }: { base: string; before: ReadonlyMap<string, Variables | undefined> },
): Variables | undefined {
  if (before.has(base)) {
    const parent = before.get(base);
    return parent && { values: new Map(parent.values), declared: new Set(parent.declared), chars: parent.chars };
  }
  const env = base === "scratch" ? [] : input.baseImage(stage)?.env;
  if (env === undefined) return undefined;
  // Every stage has a PATH: where the image has none the builder puts one in.
  const values = new Map([["PATH", ""]]);
  for (const line of env) {
    const equals = line.indexOf("=");
    values.set(line.slice(0, Math.max(equals, 0)), line.slice(equals + 1));
  }
  return { values, declared: new Set(), chars: 0 };
}

/** ARG: the build argument counts, then the default, then the value before the first FROM. */
export function declareArgs(
  variables: Variables,
  instruction: ArgInstruction,
  { global, run }: { global: Map<string, string>; run: CheckRun },
): void {
  for (const { name, value } of instruction.args) {
    const given = Object.hasOwn(run.buildArgs, name) ? run.buildArgs[name] : undefined;
    const result = given ?? (value === undefined ? global.get(name) : expandOr(value, variables.values, run));
    if (result === undefined) variables.declared.add(name);
    else put(variables, name, result);
  }
}

/** ENV: all values are those from before the instruction. */
export function setEnv(variables: Variables, instruction: PairsInstruction, run: CheckRun): void {
  const results = instruction.pairs.map(({ name, value }) => ({
    name: expandOr(name, variables.values, run),
    value: expandOr(value, variables.values, run),
  }));
  for (const { name, value } of results) put(variables, name, value);
}

/** `ENV a=$a$a` doubles with every line, so what is beyond the limit counts as set, but has no value. */
function put(variables: Variables, name: string, value: string): void {
  variables.chars += value.length;
  variables.values.set(name, variables.chars > MAX_ENVIRONMENT_CHARS ? "" : value);
}

/** What cannot be expanded stays as it is: the build will say what is wrong with it. */
function expandOr(word: string, values: ReadonlyMap<string, string>, { expansion }: CheckRun): string {
  try {
    return expandWord(word, (name) => values.get(name), expansion);
  } catch (error) {
    if (error instanceof DockerfileError) return word;
    throw error;
  }
}
