import { type ImageConfig, readImageDocument } from "../../formats/oci/config.ts";
import type { Platform } from "../../formats/oci/platform.ts";
import type { ExecutionConfig } from "../../images/import/changes.ts";
import { DEFAULT_PATH } from "../../runtime/environment.ts";

/** The config of an image while the instructions of its stage change it. */
export interface ImageState extends Omit<ImageConfig, "diffIds" | "history" | "createdAt" | "exposedPorts" | "labels"> {
  labels: Map<string, string>;
  exposedPorts: Set<string>;
  /** Docker's flag beside a CMD: true for every image of BuildKit that has set one. */
  argsEscaped: boolean;
  /** Further keys of a base that are kept as they are: `os.version`, `os.features`. */
  kept: Record<string, unknown>;
}

/** What `FROM scratch` starts with. @see BuildKit frontend/dockerfile/dockerfile2llb/image.go `emptyImage` */
export function emptyImage({ os, architecture, variant }: Platform): ImageState {
  return {
    os,
    architecture,
    ...(variant === undefined ? {} : { variant }),
    author: "",
    user: "",
    exposedPorts: new Set(),
    environment: [`PATH=${DEFAULT_PATH}`],
    entrypoint: null,
    command: null,
    volumes: [],
    workingDir: "/",
    labels: new Map(),
    onBuild: [],
    shell: [],
    argsEscaped: false,
    kept: {},
  };
}

/** The image of a FROM. Throws invalid-argument for a document that is none. */
export function imageOf(document: Record<string, unknown>): ImageState {
  const {
    diffIds: _d,
    history: _h,
    createdAt: _c,
    exposedPorts,
    labels,
    ...config
  } = readImageDocument(document).config;
  const execution = document.config as { ArgsEscaped?: unknown } | null | undefined;
  const kept = ["os.version", "os.features"].filter((key) => document[key] !== undefined);
  return {
    ...config,
    exposedPorts: new Set(exposedPorts),
    labels: new Map(Object.entries(labels)),
    argsEscaped: execution?.ArgsEscaped === true,
    kept: Object.fromEntries(kept.map((key) => [key, document[key]])),
  };
}

/** For a stage that continues another one. Triggers are run once and not handed on. */
export function continuedImage(image: ImageState): ImageState {
  return {
    ...image,
    environment: [...image.environment],
    exposedPorts: new Set(image.exposedPorts),
    volumes: [...image.volumes],
    labels: new Map(image.labels),
    onBuild: [],
  };
}

/** The config document without rootfs, history and created. What is empty is left out, sets and maps are sorted, as Go writes them. */
export function encodeImage(image: ImageState): Record<string, unknown> {
  return {
    ...present("author", image.author),
    architecture: image.architecture,
    ...present("variant", image.variant ?? ""),
    os: image.os,
    ...image.kept,
    config: encodeExecution(image),
  };
}

function encodeExecution(image: ImageState): ExecutionConfig & { ArgsEscaped?: boolean } {
  const { healthcheck } = image;
  return {
    ...present("User", image.user),
    ...presentSet("ExposedPorts", image.exposedPorts),
    ...presentList("Env", image.environment),
    ...presentList("Entrypoint", image.entrypoint),
    ...presentList("Cmd", image.command),
    ...presentSet("Volumes", new Set(image.volumes)),
    ...present("WorkingDir", image.workingDir),
    ...(image.labels.size === 0 ? {} : { Labels: Object.fromEntries([...image.labels].sort(byName)) }),
    ...present("StopSignal", image.stopSignal ?? ""),
    ...(image.argsEscaped ? { ArgsEscaped: true } : {}),
    ...(healthcheck === undefined ? {} : { Healthcheck: encodeHealthcheck(healthcheck) }),
    ...presentList("OnBuild", image.onBuild),
    ...presentList("Shell", image.shell),
  };
}

function encodeHealthcheck(check: NonNullable<ImageState["healthcheck"]>) {
  const times = {
    Interval: check.intervalNs,
    Timeout: check.timeoutNs,
    StartPeriod: check.startPeriodNs,
    StartInterval: check.startIntervalNs,
    Retries: check.retries,
  };
  return { Test: check.test, ...Object.fromEntries(Object.entries(times).filter(([, value]) => value !== 0)) };
}

function present(key: string, value: string): Record<string, string> {
  return value === "" ? {} : { [key]: value };
}

function presentList(key: string, values: readonly string[] | null): Record<string, string[]> {
  return values === null || values.length === 0 ? {} : { [key]: [...values] };
}

function presentSet(key: string, values: ReadonlySet<string>): Record<string, Record<string, object>> {
  if (values.size === 0) return {};
  return { [key]: Object.fromEntries([...values].sort().map((value) => [value, {}])) };
}

function byName([left]: [string, string], [right]: [string, string]): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
