import { parseCheckOptions } from "../directives.ts";
import { newExpansionBudget } from "../expand.ts";
import type { CheckOptions, Location } from "../instructions.ts";
import { checkCasing } from "./check-casing.ts";
import { checkDescriptions } from "./check-descriptions.ts";
import { checkFrom } from "./check-from.ts";
import type { CheckInput, Found } from "./check-input.ts";
import { checkStages } from "./check-stages.ts";
import { checkVariables } from "./check-variables.ts";
import { RULES } from "./rules.ts";

/** A build check that found something. `source` is the whole file's text, for an excerpt. */
export interface CheckFinding {
  rule: string;
  description: string;
  url: string;
  message: string;
  fileName: string;
  locations: Location[];
  source: string;
}

export interface CheckResult {
  /** By line. */
  findings: CheckFinding[];
  /** Why the build fails, where what was found is to count as an error; BuildKit's words. */
  failure: string | undefined;
}

/**
 * Looks for what BuildKit's build checks look for. The directive `check` says which of them run; the build argument
 * BUILDKIT_DOCKERFILE_CHECK counts instead of it where it is given. Throws DockerfileError where that cannot be read.
 */
export function runChecks(input: CheckInput): CheckResult {
  const options = optionsOf(input);
  const { escape } = input.dockerfile.directives;
  const run = { ...input, expansion: { escape, budget: newExpansionBudget() } };
  const findings = [
    ...checkCasing(input),
    ...checkStages(run),
    ...checkFrom(run),
    ...checkVariables(run),
    ...checkDescriptions(input),
  ]
    .filter((found) => isWanted(found, options))
    .sort((a, b) => a.location.startLine - b.location.startLine)
    .map((found) => findingOf(found, input));
  const rules = [...new Set(findings.map(({ rule }) => rule))];
  const fails = options.error && rules.length > 0;
  return { findings, failure: fails ? `lint violation found for rules: ${rules.join(", ")}` : undefined };
}

function optionsOf(input: CheckInput): CheckOptions {
  const given = Object.hasOwn(input.buildArgs, CHECK_ARGUMENT) ? input.buildArgs[CHECK_ARGUMENT] : undefined;
  return given === undefined ? (input.dockerfile.directives.check ?? parseCheckOptions("")) : parseCheckOptions(given);
}

const CHECK_ARGUMENT = "BUILDKIT_DOCKERFILE_CHECK";

/** Skipping does not reach experimental rules: they do not run unless somebody wants them. */
function isWanted({ rule }: Found, options: CheckOptions): boolean {
  if (RULES[rule].experimental) return options.experimentalAll || options.experimental.includes(rule);
  return !options.skipAll && !options.skip.includes(rule);
}

function findingOf({ rule, message, location }: Found, { fileName, source }: CheckInput): CheckFinding {
  const { description, url } = RULES[rule];
  return { rule, description, url, message, fileName, locations: [location], source };
}
