import type { ExpandOptions } from "../expand.ts";
import type { Dockerfile, Location, Stage } from "../instructions.ts";
import type { RuleName } from "./rules.ts";

/** What is known of an image that a stage stands on. */
export interface BaseImage {
  /** `NAME=value`. */
  env: readonly string[];
  /** The image has a shell of its own (SHELL). */
  hasShell: boolean;
}

/** All that the checks look at. */
export interface CheckInput {
  dockerfile: Dockerfile;
  /** Text of the file, for comments and excerpts. */
  source: string;
  fileName: string;
  buildArgs: Readonly<Record<string, string>>;
  /** TARGETPLATFORM, BUILDARCH and so on, as FROM sees them. */
  platformArgs: Readonly<Record<string, string>>;
  /** Patterns of the ignore file; undefined: there is none. */
  ignorePatterns: string[] | undefined;
  /**
   * The image of a stage that does not stand on another one. undefined: not known, so nothing is said about variables in that stage
   * and those upon it. Not asked for `scratch`.
   */
  baseImage: (stage: Stage) => BaseImage | undefined;
  /** Numbers of the stages that are built; the others are looked at from outside only. undefined: all. */
  reachable: ReadonlySet<number> | undefined;
}

/** One run of all checks. */
export interface CheckRun extends CheckInput {
  /** For every word: the file's escape, and the budget of the run. */
  expansion: Pick<Required<ExpandOptions>, "escape" | "budget">;
}

/** Something that a check has to say. */
export interface Found {
  rule: RuleName;
  message: string;
  location: Location;
}

/** The stages whose instructions count. */
export function builtStages(input: CheckInput): Stage[] {
  const { reachable } = input;
  return input.dockerfile.stages.filter((stage) => reachable === undefined || reachable.has(stage.index));
}
