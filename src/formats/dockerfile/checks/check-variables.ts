import { cleanPath } from "../../../base/clean-path.ts";
import { createMatcher, type Matcher } from "../../dockerignore/patterns.ts";
import { DockerfileError } from "../dockerfile-error.ts";
import { type ExpandOptions, expandHeredoc, expandWord, expandWords, noNames, type VariableNames } from "../expand.ts";
import type { CopyInstruction, Instruction, Stage } from "../instructions.ts";
import { parseRunMount } from "../run-mount.ts";
import { closestWord } from "../suggest.ts";
import type { CheckRun, Found } from "./check-input.ts";
import { checkPort } from "./check-port.ts";
import { baseOf, declareArgs, globalArgs, setEnv, startVariables, type Variables } from "./stage-variables.ts";

/** Checks that need to know what variables are worth: those that are not defined, and what paths and ports then mean. */
export function checkVariables(input: CheckRun): Found[] {
  const global = globalArgs(input, input.buildArgs);
  const matcher = ignoreMatcher(input.ignorePatterns);
  const atEnd = new Map<string, Variables | undefined>();
  const workdirs = new Map<string, boolean>();
  const found: Found[] = [];
  for (const stage of input.dockerfile.stages) {
    const base = baseOf(stage, global, input);
    const variables = startVariables(stage, input, { base, before: atEnd });
    const walk = new StageWalk(input, { variables, global, matcher });
    walk.workdirKnown = workdirs.get(base) ?? false;
    for (const instruction of stage.instructions) walk.instruction(instruction);
    if (input.reachable === undefined || input.reachable.has(stage.index)) found.push(...walk.found);
    remember(stage, atEnd, variables);
    remember(stage, workdirs, walk.workdirKnown);
  }
  return found;
}

function remember<T>(stage: Stage, into: Map<string, T>, value: T): void {
  if (stage.from.stageName !== undefined) into.set(stage.from.stageName, value);
}

/** What is excepted again cannot be told from patterns alone, so that nothing is said where there are exceptions. */
function ignoreMatcher(patterns: string[] | undefined): Matcher | undefined {
  if (patterns === undefined) return undefined;
  const matcher = createMatcher(patterns);
  return matcher.hasExceptions ? undefined : matcher;
}

/** So many are told of a stage. */
const MAX_FOUND = 1000;

class StageWalk {
  readonly found: Found[] = [];
  workdirKnown = false;
  readonly #input: CheckRun;
  readonly #variables: Variables | undefined;
  readonly #global: Map<string, string>;
  readonly #matcher: Matcher | undefined;

  constructor(
    input: CheckRun,
    state: { variables: Variables | undefined; global: Map<string, string>; matcher: Matcher | undefined },
  ) {
    this.#input = input;
    this.#variables = state.variables;
    this.#global = state.global;
    this.#matcher = state.matcher;
  }

  instruction(instruction: Instruction): void {
    const names = noNames();
    const words = (texts: (string | undefined)[]) => texts.map((text) => this.#expand(text ?? "", names));
    if (instruction.name === "EXPOSE" && instruction.kind === "words")
      for (const port of instruction.words.flatMap((word) => this.#words(word, names)))
        this.found.push(...checkPort(port, instruction.location));
    else if (instruction.kind === "words") words(instruction.words);
    else if (instruction.kind === "copy") this.#copy(instruction, names);
    else if (instruction.kind === "run") this.#mounts(instruction.mounts, names);
    else if (instruction.kind === "arg") words(instruction.args.map(({ value }) => value));
    else if (instruction.kind === "pairs") words(instruction.pairs.flatMap(({ name, value }) => [name, value]));
    else if (instruction.kind === "text" && instruction.name !== "MAINTAINER") {
      const [value = ""] = words([instruction.value]);
      if (instruction.name === "WORKDIR") this.#workdir(value, instruction);
    }
    this.#report(instruction, names);
    if (this.#variables === undefined) return;
    if (instruction.kind === "arg")
      declareArgs(this.#variables, instruction, { global: this.#global, run: this.#input });
    if (instruction.kind === "pairs" && instruction.name === "ENV") setEnv(this.#variables, instruction, this.#input);
  }

  #copy(instruction: CopyInstruction & Instruction, names: VariableNames): void {
    const sources = instruction.sources.filter((source) => !source.startsWith("<<"));
    for (const text of [instruction.chown, instruction.chmod, instruction.checksum, instruction.destination])
      this.#expand(text ?? "", names);
    for (const heredoc of instruction.heredocs)
      if (heredoc.expand)
        this.#try(() => expandHeredoc(heredoc.content, (name) => this.#value(name), this.#options(names)));
    for (const written of sources) {
      const source = this.#expand(written, names);
      if (instruction.from !== undefined || this.#matcher === undefined || isRemote(source)) continue;
      const path = cleanPath(source).replace(/^\/+/, "");
      if (path === "." || path === "" || !this.#matcher.matches(path)) continue;
      const verb = instruction.name === "ADD" ? "Add" : "Copy";
      this.found.push({
        rule: "CopyIgnoredFile",
        message: `Attempting to ${verb} file ${JSON.stringify(path)} that is excluded by .dockerignore`,
        location: instruction.location,
      });
    }
  }

  #mounts(mounts: { written: string }[], names: VariableNames): void {
    for (const { written } of mounts)
      this.#try(() =>
        parseRunMount(written, (word) => expandWord(word, (name) => this.#value(name), this.#options(names))),
      );
  }

  /** Only the first one is told: once it is absolute, so are those behind it. */
  #workdir(path: string, { location }: Instruction): void {
    if (!this.workdirKnown && !path.startsWith("/"))
      this.found.push({
        rule: "WorkdirRelativePath",
        message: `Relative workdir ${JSON.stringify(path)} can have unexpected results if the base image changes`,
        location,
      });
    this.workdirKnown = true;
  }

  #report({ location }: Instruction, { unmatched }: VariableNames): void {
    if (this.#variables === undefined) return;
    const { declared, values } = this.#variables;
    for (const name of unmatched) {
      if (declared.has(name) || this.found.length >= MAX_FOUND) continue;
      const suggestion = closestWord(name, [...values.keys()], "exact case");
      const hint = suggestion === undefined ? "" : ` (did you mean $${suggestion}?)`;
      this.found.push({ rule: "UndefinedVar", message: `Usage of undefined variable '$${name}'${hint}`, location });
    }
  }

  #expand(word: string, names: VariableNames): string {
    return this.#try(() => expandWord(word, (name) => this.#value(name), this.#options(names))) ?? word;
  }

  #words(word: string, names: VariableNames): string[] {
    return this.#try(() => expandWords(word, (name) => this.#value(name), this.#options(names))) ?? [];
  }

  #options(names: VariableNames): ExpandOptions {
    return { ...this.#input.expansion, names };
  }

  #value(name: string): string | undefined {
    return this.#variables?.values.get(name);
  }

  /** What cannot be expanded is no check's business: the build says what is wrong with it. */
  #try<T>(act: () => T): T | undefined {
    try {
      return act();
    } catch (error) {
      if (error instanceof DockerfileError) return undefined;
      throw error;
    }
  }
}

function isRemote(source: string): boolean {
  return /^(https?|git|ssh):\/\//.test(source) || /^[\w.-]+@[^:]+:/.test(source);
}
