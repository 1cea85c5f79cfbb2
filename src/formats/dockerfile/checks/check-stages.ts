import type { Instruction, Location, Stage } from "../instructions.ts";
import { builtStages, type CheckRun, type Found } from "./check-input.ts";
import { baseOf, globalArgs } from "./stage-variables.ts";

const RESERVED = ["context", "scratch"];

/** What can be said of names of stages and of instructions without knowing any variable. */
export function checkStages(input: CheckRun): Found[] {
  return [
    ...checkNames(input.dockerfile.stages),
    ...input.dockerfile.emptyContinuations.map(emptyContinuation),
    ...input.dockerfile.stages.flatMap((stage) => stage.instructions.flatMap(checkMaintainer)),
    ...builtStages(input).flatMap((stage) => [
      ...stage.instructions.flatMap((instruction) => [...checkLegacyPairs(instruction), ...checkSecrets(instruction)]),
      ...checkRepeated(stage),
    ]),
    ...checkShellForms(input),
  ];
}

function checkNames(stages: Stage[]): Found[] {
  const seen = new Set<string>();
  const found: Found[] = [];
  for (const { from } of stages) {
    const { stageName: name, location } = from;
    if (name === undefined) continue;
    if (RESERVED.includes(name))
      found.push({
        rule: "ReservedStageName",
        message: `Stage name should not use the same name as reserved stage ${JSON.stringify(name)}`,
        location,
      });
    if (seen.has(name))
      found.push({
        rule: "DuplicateStageName",
        message: `Duplicate stage name ${JSON.stringify(name)}, stage names should be unique`,
        location,
      });
    seen.add(name);
  }
  return found;
}

function emptyContinuation(location: Location): Found {
  return { rule: "NoEmptyContinuation", message: "Empty continuation line", location };
}

function checkMaintainer({ name, location }: Instruction): Found[] {
  if (name !== "MAINTAINER") return [];
  const message = "Maintainer instruction is deprecated in favor of using label";
  return [{ rule: "MaintainerDeprecated", message, location }];
}

function checkLegacyPairs(instruction: Instruction): Found[] {
  if (instruction.kind !== "pairs" || !instruction.pairs.some((pair) => pair.legacy)) return [];
  const { written, location } = instruction;
  const message = `"${written} key=value" should be used instead of legacy "${written} key value" format`;
  return [{ rule: "LegacyKeyValueFormat", message, location }];
}

const SECRET = /(?:_|^)(?:apikey|auth|credential|credentials|key|password|pword|passwd|secret|token)(?:_|$)/i;
const NO_SECRET = /(?:_|^)(?:public|file|version)(?:_|$)/i;

/** Names of which a word sounds like a secret: values of ARG and ENV stay in the image for all to see. */
function checkSecrets(instruction: Instruction): Found[] {
  const isEnv = instruction.kind === "pairs" && instruction.name === "ENV";
  if (!isEnv && instruction.kind !== "arg") return [];
  const names = (instruction.kind === "arg" ? instruction.args : instruction.pairs).map(({ name }) => name);
  return names
    .filter((name) => SECRET.test(name) && !NO_SECRET.test(name))
    .map((name) => ({
      rule: "SecretsUsedInArgOrEnv",
      message: `Do not use ARG or ENV instructions for sensitive data (${instruction.name} ${JSON.stringify(name)})`,
      location: instruction.location,
    }));
}

/** The lines that are told are those of the instruction that has no effect. */
function checkRepeated(stage: Stage): Found[] {
  const last = new Map<string, Location>();
  const found: Found[] = [];
  for (const { name, written, location } of stage.instructions) {
    if (name !== "CMD" && name !== "ENTRYPOINT" && name !== "HEALTHCHECK") continue;
    const before = last.get(name);
    if (before !== undefined)
      found.push({
        rule: "MultipleInstructionsDisallowed",
        message: `Multiple ${written} instructions should not be used in the same stage because only the last one will be used`,
        location: before,
      });
    last.set(name, location);
  }
  return found;
}

/** A shell that somebody chose is meant to be there, so only the shell that nobody asked for is told. */
function checkShellForms(input: CheckRun): Found[] {
  const shells = new Map<string, boolean>();
  const global = globalArgs(input, input.buildArgs);
  const built = new Set(builtStages(input));
  const found: Found[] = [];
  for (const stage of input.dockerfile.stages) {
    let hasShell = shells.get(baseOf(stage, global, input)) ?? input.baseImage(stage)?.hasShell ?? false;
    for (const instruction of stage.instructions) {
      if (instruction.name === "SHELL") hasShell = true;
      const isCommand = instruction.name === "CMD" || instruction.name === "ENTRYPOINT";
      if (!isCommand || hasShell || instruction.kind !== "command" || instruction.command.form === "exec") continue;
      const message = `JSON arguments recommended for ${instruction.written} to prevent unintended behavior related to OS signals`;
      if (built.has(stage)) found.push({ rule: "JSONArgsRecommended", message, location: instruction.location });
    }
    if (stage.from.stageName !== undefined) shells.set(stage.from.stageName, hasShell);
  }
  return found;
}
