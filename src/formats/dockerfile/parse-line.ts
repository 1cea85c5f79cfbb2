import { DockerfileError } from "./dockerfile-error.ts";
import { parseFlags } from "./flags.ts";
import { INSTRUCTION_NAMES } from "./instruction-names.ts";
import type { Heredoc, Instruction, InstructionName, InstructionSource, Location } from "./instructions.ts";
import { parseCopy } from "./parse-copy.ts";
import { parseFrom } from "./parse-from.ts";
import { parseHealthcheck } from "./parse-healthcheck.ts";
import { parseArg, parsePairs } from "./parse-pairs.ts";
import { parseCommandLine, parseRun } from "./parse-run.ts";
import { trimSpace } from "./spaces.ts";
import { splitCommand } from "./split-command.ts";
import { withSuggestion } from "./suggest.ts";
import { parseJsonArray, splitBlanks } from "./words.ts";

/** One instruction's line, with the documents that follow it. */
export interface InstructionLine {
  text: string;
  escape: "\\" | "`";
  heredocs: Heredoc[];
  location: Location;
}

interface Given extends InstructionLine {
  flags: string[];
  rest: string;
}

type Parse = (given: Given) => DistributiveOmit<Instruction, keyof InstructionSource>;
type DistributiveOmit<T, K extends keyof T> = T extends unknown ? Omit<T, K> : never;

const PARSERS: Record<InstructionName, Parse> = {
  ADD: (given) => parseCopy("ADD", given),
  ARG: (given) => parseArg(given.rest, given.escape),
  CMD: (given) => command(given),
  COPY: (given) => parseCopy("COPY", given),
  ENTRYPOINT: (given) => command(given),
  ENV: (given) => withoutFlags(given, parsePairs("ENV", given.rest, given.escape)),
  EXPOSE: (given) => withoutFlags(given, { kind: "words", words: some("EXPOSE", splitBlanks(given.rest)).sort() }),
  FROM: parseFrom,
  HEALTHCHECK: parseHealthcheck,
  LABEL: (given) => withoutFlags(given, parsePairs("LABEL", given.rest, given.escape)),
  MAINTAINER: (given) => text("MAINTAINER", given),
  ONBUILD: onbuild,
  RUN: parseRun,
  SHELL: shell,
  STOPSIGNAL: (given) => text("STOPSIGNAL", given),
  USER: (given) => text("USER", given),
  VOLUME: volume,
  WORKDIR: (given) => text("WORKDIR", given),
};

/** Throws DockerfileError without a location. */
export function parseLine(line: InstructionLine): Instruction {
  const { name: written, flags, rest } = splitCommand(line.text, line.escape);
  const name = written.toUpperCase() as InstructionName;
  if (!INSTRUCTION_NAMES.includes(name))
    throw new DockerfileError(withSuggestion(`unknown instruction: ${written}`, written, INSTRUCTION_NAMES));
  const parsed = PARSERS[name]({ ...line, flags, rest });
  const shown = trimSpace(line.text);
  return {
    ...parsed,
    name,
    written,
    text: name + shown.slice(written.length),
    location: line.location,
  } as Instruction;
}

function command(given: Given): ReturnType<Parse> {
  return withoutFlags(given, { kind: "command", command: parseCommandLine(given.rest) });
}

function shell(given: Given): ReturnType<Parse> {
  const line = parseCommandLine(given.rest);
  if (line.form === "exec" ? line.argv.length === 0 : line.line === "") some("SHELL", []);
  if (line.form === "shell") throw new DockerfileError(`SHELL requires the arguments to be in JSON form`);
  return withoutFlags(given, { kind: "command", command: line });
}

function volume(given: Given): ReturnType<Parse> {
  const words = some("VOLUME", parseJsonArray(given.rest) ?? splitBlanks(given.rest)).map(trimSpace);
  if (words.includes("")) throw new DockerfileError("VOLUME specified can not be an empty string");
  return withoutFlags(given, { kind: "words", words });
}

function text(name: InstructionName, given: Given): ReturnType<Parse> {
  if (given.rest === "") throw new DockerfileError(`${name} requires exactly one argument`);
  return withoutFlags(given, { kind: "text", value: given.rest });
}

function onbuild(given: Given): ReturnType<Parse> {
  if (given.rest === "") some("ONBUILD", []);
  const trigger = splitCommand(given.rest, given.escape).name.toUpperCase();
  if (trigger === "ONBUILD") throw new DockerfileError("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (trigger === "MAINTAINER" || trigger === "FROM")
    throw new DockerfileError(`${trigger} isn't allowed as an ONBUILD trigger`);
  const documents = given.heredocs.map((heredoc) => `\n${heredoc.content}${heredoc.name}`);
  return withoutFlags(given, {
    kind: "onbuild",
    trigger: given.rest + documents.join(""),
    instruction: parseLine({ ...given, text: given.rest }),
  });
}

function some(name: InstructionName, words: string[]): string[] {
  if (words.length === 0) throw new DockerfileError(`${name} requires at least one argument`);
  return words;
}

function withoutFlags<T>(given: Given, parsed: T): T {
  parseFlags(given.flags, {});
  return parsed;
}
