import type { ImageConfig } from "../../images/images.ts";
import type { ExecutionConfig } from "../../images/import/changes.ts";
import type { ContainerSpec } from "../container-spec.ts";

/** What a container says of itself, as an image would: what an API client's own configuration is merged with. Pure. */
export function imageConfigOf(spec: ContainerSpec): ImageConfig {
  const { process, stopSignal, healthcheck } = spec;
  return {
    architecture: "",
    os: "linux",
    author: "",
    user: process.user,
    exposedPorts: spec.exposedPorts,
    environment: process.environment,
    entrypoint: process.entrypoint,
    command: process.command,
    volumes: spec.anonymousVolumes,
    workingDir: process.workingDir,
    labels: spec.labels,
    ...(stopSignal === undefined ? {} : { stopSignal }),
    ...(healthcheck === undefined ? {} : { healthcheck }),
    onBuild: spec.onBuild,
    shell: spec.shell,
    diffIds: [],
    history: [],
  };
}

/** The part of a container's configuration that an image has, in the document's casing; what is empty is left out. Pure. */
export function executionConfig(spec: ContainerSpec): ExecutionConfig {
  const { process, stopSignal, healthcheck } = spec;
  const set = (keys: string[]) => Object.fromEntries(keys.map((key) => [key, {}]));
  return {
    ...(process.user === "" ? {} : { User: process.user }),
    ...(spec.exposedPorts.length === 0 ? {} : { ExposedPorts: set(spec.exposedPorts) }),
    ...(process.environment.length === 0 ? {} : { Env: process.environment }),
    ...(process.entrypoint === null ? {} : { Entrypoint: process.entrypoint }),
    ...(process.command === null ? {} : { Cmd: process.command }),
    ...(spec.anonymousVolumes.length === 0 ? {} : { Volumes: set(spec.anonymousVolumes) }),
    ...(process.workingDir === "" ? {} : { WorkingDir: process.workingDir }),
    ...(Object.keys(spec.labels).length === 0 ? {} : { Labels: spec.labels }),
    ...(stopSignal === undefined ? {} : { StopSignal: stopSignal }),
    ...(spec.onBuild.length === 0 ? {} : { OnBuild: spec.onBuild }),
    ...(spec.shell.length === 0 ? {} : { Shell: spec.shell }),
    ...(healthcheck === undefined ? {} : { Healthcheck: healthcheckOf(healthcheck) }),
  };
}

function healthcheckOf(check: NonNullable<ContainerSpec["healthcheck"]>): NonNullable<ExecutionConfig["Healthcheck"]> {
  const numbers = {
    Interval: check.intervalNs,
    Timeout: check.timeoutNs,
    StartPeriod: check.startPeriodNs,
    StartInterval: check.startIntervalNs,
    Retries: check.retries,
  };
  const given = Object.fromEntries(Object.entries(numbers).filter(([, number]) => number !== 0));
  return { Test: check.test, ...given };
}
