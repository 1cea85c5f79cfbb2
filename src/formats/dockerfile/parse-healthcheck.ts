import { messageOf } from "../../base/errors.ts";
import { parseDuration } from "../../base/go-values.ts";
import { DockerfileError } from "./dockerfile-error.ts";
import { parseFlags } from "./flags.ts";
import type { HealthcheckInstruction } from "./instructions.ts";
import { parseCommandLine } from "./parse-run.ts";
import { trimLeft } from "./spaces.ts";

const FLAGS = {
  interval: "string",
  timeout: "string",
  "start-period": "string",
  "start-interval": "string",
  retries: "string",
} as const;

/** Shorter pauses are refused. */
const MIN_DURATION_NS = 1e6;

const MAX_RETRIES = 2 ** 31 - 1;

export function parseHealthcheck(given: { flags: string[]; rest: string }): HealthcheckInstruction {
  const type = /^\S*/.exec(given.rest)?.[0] ?? "";
  if (type === "") throw new DockerfileError("HEALTHCHECK requires at least one argument");
  const rest = trimLeft(given.rest.slice(type.length));
  if (type.toUpperCase() === "NONE") {
    if (rest !== "") throw new DockerfileError("HEALTHCHECK NONE takes no arguments");
    return { kind: "healthcheck", command: undefined, ...none() };
  }
  const flags = parseFlags(given.flags, FLAGS);
  if (type.toUpperCase() !== "CMD")
    throw new DockerfileError(`Unknown type ${JSON.stringify(type.toUpperCase())} in HEALTHCHECK (try CMD)`);
  const command = parseCommandLine(rest);
  if (command.form === "exec" ? command.argv.length === 0 : command.line === "")
    throw new DockerfileError("Missing command after HEALTHCHECK CMD");
  return {
    kind: "healthcheck",
    command,
    intervalNs: duration("interval", flags.string("interval")),
    timeoutNs: duration("timeout", flags.string("timeout")),
    startPeriodNs: duration("start-period", flags.string("start-period")),
    startIntervalNs: duration("start-interval", flags.string("start-interval")),
    retries: retriesOf(flags.string("retries")),
  };
}

function none(): Omit<HealthcheckInstruction, "kind" | "command"> {
  return {
    intervalNs: undefined,
    timeoutNs: undefined,
    startPeriodNs: undefined,
    startIntervalNs: undefined,
    retries: undefined,
  };
}

/** Nothing and zero both mean: the default. */
function duration(name: string, text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  const ns = goDuration(text);
  if (ns === 0) return undefined;
  if (ns < MIN_DURATION_NS) throw new DockerfileError(`Interval ${JSON.stringify(name)} cannot be less than 1ms`);
  return ns;
}

function goDuration(text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    throw new DockerfileError(messageOf(error), undefined, { cause: error });
  }
}

function retriesOf(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  if (!/^[+-]?\d+$/.test(text))
    throw new DockerfileError(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  const value = Number(text);
  if (value > MAX_RETRIES || value < -MAX_RETRIES - 1)
    throw new DockerfileError(`strconv.ParseInt: parsing ${JSON.stringify(text)}: value out of range`);
  if (value < 0) throw new DockerfileError(`--retries cannot be negative (${value})`);
  return value;
}
