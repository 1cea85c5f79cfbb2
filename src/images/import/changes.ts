import { invalid } from "../../base/errors.ts";
import { expandWord, expandWords } from "../../formats/dockerfile/expand.ts";
import { parseExposedPorts } from "../../formats/dockerfile/exposed-ports.ts";
import type { CommandLine, HealthcheckInstruction, Instruction } from "../../formats/dockerfile/instructions.ts";
import { parseLine } from "../../formats/dockerfile/parse-line.ts";
import { readLines } from "../../formats/dockerfile/read-lines.ts";
import { splitCommand } from "../../formats/dockerfile/split-command.ts";

/** The execution part of an image config, as it stands in the document. */
export interface ExecutionConfig {
  User?: string;
  ExposedPorts?: Record<string, object>;
  Env?: string[];
  Entrypoint?: string[];
  Cmd?: string[];
  Volumes?: Record<string, object>;
  WorkingDir?: string;
  Labels?: Record<string, string>;
  StopSignal?: string;
  OnBuild?: string[];
  Shell?: string[];
  Healthcheck?: {
    Test: string[];
    Interval?: number;
    Timeout?: number;
    StartPeriod?: number;
    StartInterval?: number;
    Retries?: number;
  };
}

const ALLOWED = [
  "CMD",
  "ENTRYPOINT",
  "ENV",
  "EXPOSE",
  "HEALTHCHECK",
  "LABEL",
  "ONBUILD",
  "STOPSIGNAL",
  "USER",
  "VOLUME",
  "WORKDIR",
];

const ESCAPE = "\\";

/**
 * Applies instructions such as `CMD ["sh"]` in order. Variables are those of the config. Throws invalid-argument for any other
 * instruction, with Docker's text. Pure. @see moby daemon/builder/dockerfile/builder.go `BuildFromConfig`
 */
export function applyChanges(changes: string[], base: ExecutionConfig = {}): ExecutionConfig {
  if (changes.length === 0) return base;
  const { lines } = readLines(changes.join("\n"), ESCAPE);
  for (const { text } of lines) {
    const name = splitCommand(text, ESCAPE).name.toUpperCase();
    if (!ALLOWED.includes(name)) throw invalid(`${name} is not a valid change command`);
  }
  let commandGiven = false;
  return lines.reduce((config, line) => {
    const instruction = parseLine({ ...line, escape: ESCAPE });
    commandGiven ||= instruction.name === "CMD";
    // A new entrypoint drops the command that belonged to the old one. @see moby builder/dockerfile `dispatchEntrypoint`
    const { Cmd: _, ...withoutCommand } = config;
    return apply(instruction, instruction.name === "ENTRYPOINT" && !commandGiven ? withoutCommand : config);
  }, base);
}

function apply(instruction: Instruction, config: ExecutionConfig): ExecutionConfig {
  const lookup = lookupIn(config.Env ?? []);
  const expand = (word: string) => expandWord(word, lookup);
  switch (instruction.kind) {
    case "command":
      return {
        ...config,
        [instruction.name === "CMD" ? "Cmd" : "Entrypoint"]: argvOf(instruction, instruction.command, config.Shell),
      };
    case "pairs": {
      const pairs = instruction.pairs.map(({ name, value }): [string, string] => [expand(name), expand(value)]);
      if (instruction.name === "ENV") return { ...config, Env: mergeEnvironment(config.Env ?? [], pairs) };
      return { ...config, Labels: { ...config.Labels, ...Object.fromEntries(pairs) } };
    }
    case "words": {
      if (instruction.name === "VOLUME")
        return { ...config, Volumes: { ...config.Volumes, ...emptyObjects(instruction.words.map(expand)) } };
      const ports = parseExposedPorts(instruction.words.flatMap((word) => expandWords(word, lookup)));
      return { ...config, ExposedPorts: { ...config.ExposedPorts, ...emptyObjects(ports) } };
    }
    case "text": {
      const value = expand(instruction.value);
      if (instruction.name === "USER") return { ...config, User: value };
      if (instruction.name === "STOPSIGNAL") return { ...config, StopSignal: value };
      return { ...config, WorkingDir: workingDirectory(config.WorkingDir ?? "/", value) };
    }
    case "onbuild":
      return { ...config, OnBuild: [...(config.OnBuild ?? []), instruction.trigger] };
    case "healthcheck":
      return { ...config, Healthcheck: healthcheck(instruction) };
    case "arg":
    case "copy":
    case "from":
    case "run":
      throw invalid(`${instruction.name} is not a valid change command`);
  }
}

function lookupIn(env: string[]): (name: string) => string | undefined {
  return (name) => env.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** Exec form as it is, any other line for the shell. */
function argvOf({ name }: Instruction, command: CommandLine, shell: string[] = ["/bin/sh", "-c"]): string[] {
  if (command.form === "exec") return command.argv;
  if (command.line === "") throw invalid(`${name} requires at least one argument`);
  return [...shell, command.line];
}

function mergeEnvironment(before: string[], added: [string, string][]): string[] {
  const names = new Set(added.map(([name]) => name));
  const kept = before.filter((line) => !names.has(line.split("=", 1)[0] as string));
  return [...kept, ...added.map(([name, value]) => `${name}=${value}`)];
}

function emptyObjects(keys: string[]): Record<string, object> {
  return Object.fromEntries(keys.map((key) => [key, {}]));
}

function workingDirectory(before: string, path: string): string {
  return path.startsWith("/") ? path : `${before.replace(/\/$/, "")}/${path}`;
}

function healthcheck(given: HealthcheckInstruction): NonNullable<ExecutionConfig["Healthcheck"]> {
  const { command } = given;
  if (command === undefined) return { Test: ["NONE"] };
  return {
    Test: command.form === "exec" ? ["CMD", ...command.argv] : ["CMD-SHELL", command.line],
    ...(given.intervalNs === undefined ? {} : { Interval: given.intervalNs }),
    ...(given.timeoutNs === undefined ? {} : { Timeout: given.timeoutNs }),
    ...(given.startPeriodNs === undefined ? {} : { StartPeriod: given.startPeriodNs }),
    ...(given.startIntervalNs === undefined ? {} : { StartInterval: given.startIntervalNs }),
    ...(given.retries === undefined ? {} : { Retries: given.retries }),
  };
}
