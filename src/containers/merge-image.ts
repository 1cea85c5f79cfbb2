import { invalid } from "../base/errors.ts";
import type { ImageConfig } from "../images/images.ts";
import type { ContainerSpec, HealthcheckSpec } from "./container-spec.ts";

/**
 * The spec with everything that it leaves to the image. A command of the user's replaces the image's; an entrypoint of the
 * user's drops the image's command too. Throws invalid-argument when nothing is left to run.
 */
export function mergeImage(spec: ContainerSpec, image: ImageConfig): ContainerSpec {
  const own = spec.process;
  // `--entrypoint ""` arrives as [""]: no entrypoint at all.
  const cleared = own.entrypoint?.length === 1 && own.entrypoint[0] === "";
  const entrypoint = cleared ? [] : isEmpty(own.entrypoint) ? image.entrypoint : own.entrypoint;
  const inheritsCommand = isEmpty(own.command) && isEmpty(own.entrypoint);
  const command = inheritsCommand ? image.command : own.command;
  if (isEmpty(entrypoint) && isEmpty(command)) throw invalid("no command specified");
  const stopSignal = spec.stopSignal ?? image.stopSignal;
  const healthcheck = mergeHealthcheck(spec.healthcheck, image.healthcheck);
  return {
    ...spec,
    process: {
      ...own,
      entrypoint: isEmpty(entrypoint) ? null : entrypoint,
      command,
      environment: mergeEnvironment(image.environment, own.environment),
      workingDir: own.workingDir || image.workingDir,
      user: own.user || image.user,
    },
    labels: { ...image.labels, ...spec.labels },
    exposedPorts: union(spec.exposedPorts, image.exposedPorts),
    anonymousVolumes: union(spec.anonymousVolumes, image.volumes),
    ...(stopSignal === undefined || stopSignal === "" ? {} : { stopSignal }),
    ...(healthcheck === undefined ? {} : { healthcheck }),
    onBuild: spec.onBuild.length > 0 ? spec.onBuild : image.onBuild,
    shell: spec.shell.length > 0 ? spec.shell : image.shell,
  };
}

/** What is executed: the first word and the rest. */
export function commandLine(spec: ContainerSpec): { path: string; args: string[] } {
  const [path = "", ...args] = [...(spec.process.entrypoint ?? []), ...(spec.process.command ?? [])];
  return { path, args };
}

/** The user's variables after those of the image that they do not replace. `NAME` without `=` takes the image's away. */
export function mergeEnvironment(base: string[], own: string[]): string[] {
  const names = new Set(own.map(nameOf));
  return [...own, ...base.filter((variable) => !names.has(nameOf(variable)))];
}

function nameOf(variable: string): string {
  const equals = variable.indexOf("=");
  return equals === -1 ? variable : variable.slice(0, equals);
}

/** An unset test is inherited; unset numbers of a set one are, too. @see Engine API HealthConfig "0 means inherit" */
function mergeHealthcheck(
  own: HealthcheckSpec | undefined,
  image: HealthcheckSpec | undefined,
): HealthcheckSpec | undefined {
  if (own === undefined || image === undefined) return own ?? image;
  return {
    test: own.test.length > 0 ? own.test : image.test,
    intervalNs: own.intervalNs || image.intervalNs,
    timeoutNs: own.timeoutNs || image.timeoutNs,
    startPeriodNs: own.startPeriodNs || image.startPeriodNs,
    startIntervalNs: own.startIntervalNs || image.startIntervalNs,
    retries: own.retries || image.retries,
  };
}

function isEmpty(words: string[] | null): boolean {
  return words === null || words.length === 0;
}

function union(first: string[], second: string[]): string[] {
  return [...new Set([...first, ...second])];
}
