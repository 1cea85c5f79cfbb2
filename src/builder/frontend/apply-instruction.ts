import type { Instruction } from "../../formats/dockerfile/instructions.ts";
import {
  applyArg,
  applyCmd,
  applyEntrypoint,
  applyEnv,
  applyExpose,
  applyHealthcheck,
  applyLabel,
  applyMaintainer,
  applyShell,
  applyStopSignal,
  applyUser,
  applyVolume,
} from "./config-instructions.ts";
import { applyCopy } from "./copy-instruction.ts";
import { applyRun } from "./run-instruction.ts";
import type { Step } from "./stage-state.ts";
import { applyWorkdir } from "./workdir-instruction.ts";

/** Carries out one instruction on its stage's state: config, history and vertices. Throws invalid-argument without a location. */
export function applyInstruction(step: Step): void {
  const { instruction } = step.command;
  switch (instruction.kind) {
    case "run":
      return applyRun(step, instruction);
    case "copy":
      return applyCopy(step, instruction);
    case "arg":
      return applyArg(step, instruction);
    case "pairs":
      return instruction.name === "ENV" ? applyEnv(step, instruction) : applyLabel(step, instruction);
    case "command":
      return applyCommand(step, instruction);
    case "words":
      return instruction.name === "EXPOSE"
        ? applyExpose(step, instruction.words)
        : applyVolume(step, instruction.words);
    case "text":
      return applyText(step, instruction);
    case "healthcheck":
      return applyHealthcheck(step, instruction);
    case "onbuild":
      // Carried out by the stages that will stand on this one. Has no line in the history, as in BuildKit.
      step.stage.image.onBuild.push(instruction.trigger);
      return;
    case "from":
      throw new Error("a FROM is no instruction of its stage");
  }
}

function applyCommand(step: Step, instruction: Extract<Instruction, { kind: "command" }>): void {
  if (instruction.name === "CMD") applyCmd(step, instruction);
  else if (instruction.name === "ENTRYPOINT") applyEntrypoint(step, instruction);
  else applyShell(step, instruction);
}

function applyText(step: Step, { name, value }: Extract<Instruction, { kind: "text" }>): void {
  if (name === "USER") applyUser(step, value);
  else if (name === "WORKDIR") applyWorkdir(step, value);
  else if (name === "STOPSIGNAL") applyStopSignal(step, value);
  else applyMaintainer(step, value);
}
