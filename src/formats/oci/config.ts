import { invalid } from "../../base/errors.ts";
import type { DiffID } from "./chain-id.ts";
import { parseDigest } from "./digest.ts";
import {
  isObject,
  type JsonObject,
  optionalArray,
  optionalObject,
  optionalString,
  parseDocument,
  stringArray,
  stringMap,
} from "./json.ts";
import { MAX_LAYERS } from "./manifest.ts";

/** Bytes of an image config. */
export const MAX_CONFIG_BYTES = 4 << 20;
/** History entries; each layer has one and so has each metadata instruction. */
const MAX_HISTORY = 4 * MAX_LAYERS;
/** Entries of any one list of the config (environment, command). */
const MAX_LIST = 16_384;

/** The parts of an OCI/Docker image config that the engine acts upon, in the domain's casing. */
export interface ImageConfig {
  architecture: string;
  os: string;
  variant?: string;
  createdAt?: Date;
  author: string;
  user: string;
  exposedPorts: string[];
  environment: string[];
  entrypoint: string[] | null;
  command: string[] | null;
  volumes: string[];
  workingDir: string;
  labels: Record<string, string>;
  stopSignal?: string;
  healthcheck?: Healthcheck;
  onBuild: string[];
  shell: string[];
  diffIds: DiffID[];
  history: HistoryLine[];
}

export interface Healthcheck {
  test: string[];
  intervalNs: number;
  timeoutNs: number;
  startPeriodNs: number;
  startIntervalNs: number;
  retries: number;
}

export interface HistoryLine {
  createdAt?: Date;
  createdBy: string;
  author: string;
  comment: string;
  emptyLayer: boolean;
}

/** A config with the remarks that only Docker keeps. */
export interface ImageDocument {
  config: ImageConfig;
  comment: string;
  dockerVersion: string;
}

const WHAT = "image config";

/** Throws invalid-argument when the document is not one, is too large, or its history and layers disagree. */
export function parseImageConfig(bytes: Uint8Array): ImageDocument {
  return readImageDocument(parseDocument(bytes, MAX_CONFIG_BYTES, WHAT));
}

/** The same of a document whose JSON was parsed already. */
export function readImageDocument(document: JsonObject): ImageDocument {
  const diffIds = parseDiffIds(document);
  const history = (optionalArray(document, "history", WHAT, MAX_HISTORY) ?? []).map(parseHistory);
  const layersInHistory = history.filter((line) => !line.emptyLayer).length;
  if (history.length > 0 && layersInHistory > diffIds.length) {
    throw invalid(`${WHAT}: history names ${layersInHistory} layers, rootfs has ${diffIds.length}`);
  }
  const text = (key: string) => optionalString(document, key, WHAT) ?? "";
  return {
    config: {
      architecture: text("architecture"),
      os: text("os") || "linux",
      ...(text("variant") === "" ? {} : { variant: text("variant") }),
      ...parseDate(document, "created"),
      author: text("author"),
      ...parseExecution(optionalObject(document, "config", WHAT) ?? {}),
      diffIds,
      history,
    },
    comment: text("comment"),
    dockerVersion: text("docker_version"),
  };
}

function parseDiffIds(document: JsonObject): DiffID[] {
  const rootfs = optionalObject(document, "rootfs", WHAT);
  if (rootfs === undefined) throw invalid(`${WHAT}: no rootfs`);
  if ((rootfs.type ?? "layers") !== "layers") throw invalid(`${WHAT}: unknown rootfs type`);
  return (stringArray(rootfs, "diff_ids", WHAT, MAX_LAYERS) ?? []).map((text) => parseDigest(text));
}

function parseExecution(config: JsonObject) {
  const text = (key: string) => optionalString(config, key, WHAT) ?? "";
  const healthcheck = optionalObject(config, "Healthcheck", WHAT);
  return {
    user: text("User"),
    exposedPorts: keysOf(config, "ExposedPorts"),
    environment: stringArray(config, "Env", WHAT, MAX_LIST) ?? [],
    entrypoint: stringArray(config, "Entrypoint", WHAT, MAX_LIST),
    command: stringArray(config, "Cmd", WHAT, MAX_LIST),
    volumes: keysOf(config, "Volumes"),
    workingDir: text("WorkingDir"),
    labels: stringMap(config, "Labels", WHAT),
    ...(text("StopSignal") === "" ? {} : { stopSignal: text("StopSignal") }),
    ...(healthcheck === undefined ? {} : { healthcheck: parseHealthcheck(healthcheck) }),
    onBuild: stringArray(config, "OnBuild", WHAT, MAX_LIST) ?? [],
    shell: stringArray(config, "Shell", WHAT, MAX_LIST) ?? [],
  };
}

/** `ExposedPorts` and `Volumes` are sets written as objects with empty values. */
function keysOf(config: JsonObject, key: string): string[] {
  return Object.keys(optionalObject(config, key, WHAT) ?? {});
}

function parseHealthcheck(value: JsonObject): Healthcheck {
  const count = (key: string) => {
    const number = value[key] ?? 0;
    if (typeof number !== "number" || !Number.isSafeInteger(number))
      throw invalid(`${WHAT}: invalid Healthcheck ${key}`);
    return number;
  };
  return {
    test: stringArray(value, "Test", WHAT, MAX_LIST) ?? [],
    intervalNs: count("Interval"),
    timeoutNs: count("Timeout"),
    startPeriodNs: count("StartPeriod"),
    startIntervalNs: count("StartInterval"),
    retries: count("Retries"),
  };
}

function parseHistory(value: unknown): HistoryLine {
  if (!isObject(value)) throw invalid(`${WHAT}: history entry is not an object`);
  const text = (key: string) => optionalString(value, key, WHAT) ?? "";
  return {
    ...parseDate(value, "created"),
    createdBy: text("created_by"),
    author: text("author"),
    comment: text("comment"),
    emptyLayer: value.empty_layer === true,
  };
}

function parseDate(object: JsonObject, key: string): { createdAt?: Date } {
  const text = optionalString(object, key, WHAT);
  if (text === undefined || text === "") return {};
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? {} : { createdAt: date };
}
