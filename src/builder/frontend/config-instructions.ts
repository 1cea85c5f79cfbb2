import { invalid } from "../../base/errors.ts";
import { parseSignal } from "../../containers/signals.ts";
import { parseExposedPorts } from "../../formats/dockerfile/exposed-ports.ts";
import type {
  ArgInstruction,
  CommandInstruction,
  CommandLine,
  HealthcheckInstruction,
  PairsInstruction,
} from "../../formats/dockerfile/instructions.ts";
import { sprintf } from "../../formats/go-template/printf.ts";
import { splitVariable } from "./environment.ts";

import { formatDuration } from "./format-duration.ts";
import type { ImageState } from "./image-state.ts";
import { addHistory, expander, type Step } from "./stage-state.ts";

/** Of an image without SHELL. */
const DEFAULT_SHELL = ["/bin/sh", "-c"];

/** The line as an argument of the image's shell. */
export function withShell(image: ImageState, line: string): string[] {
  return [...(image.shell.length > 0 ? image.shell : DEFAULT_SHELL), line];
}

export function applyEnv(step: Step, { pairs }: PairsInstruction): void {
  const { stage } = step;
  const set = expandPairs(step, pairs);
  for (const { name, value } of set) {
    stage.environment.set(name, value);
    setVariable(stage.image.environment, name, value);
  }
  addHistory(stage, ["ENV", ...set.map(({ name, value }) => `${name}=${value}`)].join(" "));
}

/** All of an instruction's values are worked out before the first one counts. */
function expandPairs(step: Step, pairs: PairsInstruction["pairs"]): { name: string; value: string }[] {
  const expand = expander(step);
  return pairs.map(({ name, value }) => ({ name: expand.word(name), value: expand.word(value) }));
}

/** An `Env` keeps the place of a variable that gets another value. */
function setVariable(lines: string[], name: string, value: string): void {
  const at = lines.findIndex((line) => splitVariable(line)[0] === name);
  lines[at === -1 ? lines.length : at] = `${name}=${value}`;
}

export function applyLabel(step: Step, { pairs }: PairsInstruction): void {
  const set = expandPairs(step, pairs);
  for (const { name, value } of set) step.stage.image.labels.set(name, value);
  addHistory(step.stage, ["LABEL", ...set.map(({ name, value }) => `${name}=${value}`)].join(" "));
}

/**
 * ARG. A value of the request wins over the default; without either the value from above the first FROM is taken. Of an ARG and an
 * ENV with one name the one that comes last counts, as in BuildKit (the classic builder always took ENV).
 */
export function applyArg(step: Step, { args }: ArgInstruction): void {
  const { planner, stage, command } = step;
  const { location } = command.instruction;
  const { buildArgs } = planner.request;
  const expand = expander(step);
  const shown: string[] = [];
  for (const { name, value } of args) {
    const given = Object.hasOwn(buildArgs, name) ? buildArgs[name] : undefined;
    const global = given === undefined && value === undefined ? planner.globals.get(name) : undefined;
    const resolved = given ?? global ?? (value === undefined ? undefined : expand.word(value));
    if (resolved !== undefined && !NO_VARIABLES.includes(name)) stage.environment.set(name, resolved);
    stage.args.push({ name, value: resolved, isGlobal: global !== undefined, location });
    shown.push(resolved === undefined ? name : `${name}=${resolved}`);
  }
  addHistory(stage, `ARG ${shown.join(" ")}`);
}

/** Arguments that steer the builder and are no variables of the build. */
const NO_VARIABLES = ["BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"];

export function applyCmd({ stage }: Step, { command }: CommandInstruction): void {
  const argv = commandArgv(stage.image, command);
  stage.image.command = argv;
  stage.image.argsEscaped = true;
  stage.commandSet = true;
  addHistory(stage, sprintf("CMD %q", [argv]));
}

/** A CMD of the base belonged to its entrypoint; one of this stage stays. */
export function applyEntrypoint({ stage }: Step, { command }: CommandInstruction): void {
  const argv = commandArgv(stage.image, command);
  stage.image.entrypoint = argv;
  if (!stage.commandSet) stage.image.command = null;
  addHistory(stage, sprintf("ENTRYPOINT %q", [argv]));
}

function commandArgv(image: ImageState, command: CommandLine): string[] {
  return command.form === "exec" ? command.argv : withShell(image, command.line);
}

export function applyShell({ stage }: Step, { command }: CommandInstruction): void {
  const argv = command.form === "exec" ? command.argv : [command.line];
  stage.image.shell = argv;
  addHistory(stage, `SHELL ${goList(argv)}`);
}

export function applyHealthcheck({ stage }: Step, check: HealthcheckInstruction): void {
  const times = [check.intervalNs, check.timeoutNs, check.startPeriodNs, check.startIntervalNs].map((ns) => ns ?? 0);
  const [intervalNs = 0, timeoutNs = 0, startPeriodNs = 0, startIntervalNs = 0] = times;
  const test = healthTest(check.command);
  const retries = check.retries ?? 0;
  stage.image.healthcheck = { test, intervalNs, timeoutNs, startPeriodNs, startIntervalNs, retries };
  const names = ["Interval", "Timeout", "StartPeriod", "StartInterval"];
  const shown = names.map((name, index) => `${name}:${formatDuration(times[index] as number)}`);
  addHistory(stage, `HEALTHCHECK {Test:${goList(test)} ${shown.join(" ")} Retries:${retries}}`);
}

function healthTest(command: CommandLine | undefined): string[] {
  if (command === undefined) return ["NONE"];
  return command.form === "exec" ? ["CMD", ...command.argv] : ["CMD-SHELL", command.line];
}

export function applyExpose(step: Step, words: string[]): void {
  const expand = expander(step);
  const ports = parseExposedPorts(words.flatMap((word) => expand.words(word)));
  for (const port of ports) step.stage.image.exposedPorts.add(port);
  addHistory(step.stage, `EXPOSE ${goList(ports)}`);
}

export function applyVolume(step: Step, words: string[]): void {
  const expand = expander(step);
  const { stage } = step;
  const volumes = words.map((word) => expand.word(word));
  if (volumes.includes("")) throw invalid("VOLUME specified can not be an empty string");
  stage.image.volumes = [...new Set([...stage.image.volumes, ...volumes])];
  addHistory(stage, `VOLUME ${goList(volumes)}`);
}

export function applyUser(step: Step, value: string): void {
  const user = expander(step).word(value);
  step.stage.image.user = user;
  addHistory(step.stage, `USER ${user}`);
}

export function applyStopSignal(step: Step, value: string): void {
  const signal = expander(step).word(value);
  parseSignal(signal);
  step.stage.image.stopSignal = signal;
  addHistory(step.stage, `STOPSIGNAL ${signal}`);
}

export function applyMaintainer({ stage }: Step, value: string): void {
  stage.image.author = value;
  addHistory(stage, `MAINTAINER ${value}`);
}

/** Go's `%v` of a list of strings. */
function goList(values: readonly string[]): string {
  return `[${values.join(" ")}]`;
}
