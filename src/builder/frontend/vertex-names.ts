import { EngineError } from "../../base/errors.ts";
import { DockerfileError } from "../../formats/dockerfile/dockerfile-error.ts";
import { type ExpandOptions, expandWord, type Lookup } from "../../formats/dockerfile/expand.ts";
import {
  formatPlatform,
  normalisePlatform,
  type Platform,
  parsePlatformSpecifier,
} from "../../formats/oci/platform.ts";
import type { Environment } from "./environment.ts";
import { withoutPasswords } from "./without-passwords.ts";

export interface StepPlace {
  label: string;
  step: number;
  steps: number;
  /** Shown where several platforms are built. */
  platform: Platform | undefined;
  environment: Environment;
  isTrigger: boolean;
}

/** `[linux/arm64 build 2/5] RUN make`; accounts in URLs are not told: names go into logs and the cache's records. @see BuildKit frontend/dockerfile/dockerfile2llb/convert.go `prefixCommand` */
export function stepName({ label, step, steps, platform, environment, isTrigger }: StepPlace, text: string): string {
  const shownPlatform =
    platform === undefined ? "" : `${formatPlatform(platform)}${crossTarget(platform, environment)} `;
  const shownLabel = label === "" ? "" : `${label} `;
  const count = String(step).padStart(String(steps).length);
  return `[${shownPlatform}${shownLabel}${count}/${steps}] ${isTrigger ? "ONBUILD " : ""}${withoutPasswords(text)}`;
}

/** `->arm64`: the stage runs here and has declared that it builds for there. */
function crossTarget(own: Platform, environment: Environment): string {
  const target = declaredTarget(own, environment);
  if (target === undefined) return "";
  if (target.os !== own.os) return `->${formatPlatform(target)}`;
  if (target.architecture === own.architecture) return "";
  return `->${target.architecture}${target.variant === undefined ? "" : `/${target.variant}`}`;
}

function declaredTarget(own: Platform, environment: Environment): Platform | undefined {
  const whole = environment.get("TARGETPLATFORM");
  if (whole !== undefined) {
    try {
      return parsePlatformSpecifier(whole);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      return undefined; // Somebody else's variable of that name: the name of a vertex is no reason to fail.
    }
  }
  const [os, architecture, variant] = ["TARGETOS", "TARGETARCH", "TARGETVARIANT"].map((name) => environment.get(name));
  if (os === undefined && architecture === undefined) return undefined;
  const platform = { os: os || own.os, architecture: architecture || own.architecture };
  return normalisePlatform(variant ? { ...platform, variant } : platform);
}

/** The longest text of an instruction in the name of a vertex, in characters. */
const MAX_SHOWN_CHARS = 16_384;

/** An instruction with its variables replaced, for people; as written where that cannot be done. */
export function shownText(text: string, lookup: Lookup, options: ExpandOptions): string {
  try {
    return shortened(expandWord(text, lookup, options));
  } catch (error) {
    if (!(error instanceof DockerfileError)) throw error;
    return shortened(text);
  }
}

/** A copy, so that the long text is not kept in memory for the sake of its beginning. */
function shortened(text: string): string {
  return text.length <= MAX_SHOWN_CHARS ? text : `${Buffer.from(text.slice(0, MAX_SHOWN_CHARS)).toString()}…`;
}
