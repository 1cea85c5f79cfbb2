import { type Platform, parsePlatformSpecifier } from "../../oci/platform.ts";
import { parseReference } from "../../reference/reference.ts";
import { DockerfileError } from "../dockerfile-error.ts";
import { expandWord, noNames, type VariableNames } from "../expand.ts";
import { closestWord } from "../suggest.ts";
import type { CheckRun, Found } from "./check-input.ts";
import { globalArgs } from "./stage-variables.ts";

/** Variables and platforms in FROM. @see BuildKit frontend/dockerfile/dockerfile2llb/validations.go */
export function checkFrom(input: CheckRun): Found[] {
  const args = globalArgs(input, input.buildArgs);
  return [
    ...input.dockerfile.stages.flatMap(({ from }) => {
      const given = { run: input, args, location: from.location, stageName: from.stageName ?? "" };
      const found = unknownArgs(from.base, given);
      if (from.platform === undefined) return found;
      return [...found, ...unknownArgs(from.platform, given), ...checkPlatform(from.platform, given)];
    }),
    ...checkDefaults(input),
  ];
}

interface Given extends Pick<Found, "location"> {
  run: CheckRun;
  args: Map<string, string>;
  stageName: string;
}

function unknownArgs(word: string, given: Given): Found[] {
  const names = expanded(word, given.args, given.run)?.names ?? noNames();
  const declared = new Set([
    ...given.args.keys(),
    ...given.run.dockerfile.metaArgs.flatMap(({ args }) => args.map(({ name }) => name)),
  ]);
  return [...names.unmatched]
    .filter((name) => !declared.has(name))
    .map((name) => {
      const suggestion = closestWord(name, [...declared], "exact case");
      const hint = suggestion === undefined ? "" : ` (did you mean ${suggestion}?)`;
      return {
        rule: "UndefinedArgInFrom",
        message: `FROM argument '${name}' is not declared${hint}`,
        location: given.location,
      };
    });
}

function checkPlatform(written: string, given: Given): Found[] {
  const result = expanded(written, given.args, given.run);
  if (result === undefined) return [];
  const { matched, unmatched } = result.names;
  const { location } = given;
  if (matched.size === 0 && unmatched.size === 0) {
    const platform = platformOf(result.text);
    // A stage that has the platform in its name is one of several, each for its own.
    if (platform === undefined || given.stageName.includes(platform.os)) return [];
    if (given.stageName.includes(platform.architecture)) return [];
    const message = `FROM --platform flag should not use constant value ${JSON.stringify(result.text)}`;
    return [{ rule: "FromPlatformFlagConstDisallowed", message, location }];
  }
  const isTarget = matched.size === 1 && unmatched.size === 0 && matched.has("TARGETPLATFORM");
  if (!isTarget || result.text !== given.args.get("TARGETPLATFORM")) return [];
  const message = `Setting platform to predefined ${written} in FROM is redundant as this is the default behavior`;
  return [{ rule: "RedundantTargetPlatform", message, location }];
}

/** What FROM would name if nobody gave a build argument. */
function checkDefaults(input: CheckRun): Found[] {
  const args = globalArgs(input, {});
  return input.dockerfile.stages
    .filter(({ from }) => {
      const result = expanded(from.base, args, input);
      return result !== undefined && !isReference(result.text);
    })
    .map(({ from }) => ({
      rule: "InvalidDefaultArgInFrom",
      message: `Default value for ARG ${from.base} results in empty or invalid base image name`,
      location: from.location,
    }));
}

/** undefined: it cannot be expanded, and the build says why. */
function expanded(
  word: string,
  args: Map<string, string>,
  { expansion }: CheckRun,
): { text: string; names: VariableNames } | undefined {
  const names = noNames();
  try {
    return { text: expandWord(word, (name) => args.get(name), { ...expansion, names }), names };
  } catch (error) {
    if (error instanceof DockerfileError) return undefined;
    throw error;
  }
}

function isReference(text: string): boolean {
  try {
    parseReference(text);
    return true;
  } catch {
    return false;
  }
}

function platformOf(text: string): Platform | undefined {
  try {
    return parsePlatformSpecifier(text);
  } catch {
    return undefined; // The build refuses it.
  }
}
