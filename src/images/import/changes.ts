import { invalid } from "../../base/errors.ts";

/** The execution part of an image config, as it stands in the document. */
export interface ExecutionConfig {
  User?: string;
  ExposedPorts?: Record<string, object>;
  Env?: string[];
  Entrypoint?: string[];
  Cmd?: string[];
  Volumes?: Record<string, object>;
  WorkingDir?: string;
  Labels?: Record<string, string>;
  StopSignal?: string;
  OnBuild?: string[];
  Shell?: string[];
  Healthcheck?: {
    Test: string[];
    Interval?: number;
    Timeout?: number;
    StartPeriod?: number;
    StartInterval?: number;
    Retries?: number;
  };
}

type Apply = (config: ExecutionConfig, rest: string) => ExecutionConfig;

const INSTRUCTIONS: Record<string, Apply> = {
  CMD: (config, rest) => ({ ...config, Cmd: command(rest) }),
  ENTRYPOINT: (config, rest) => ({ ...config, Entrypoint: command(rest) }),
  ENV: (config, rest) => ({ ...config, Env: mergeEnvironment(config.Env ?? [], pairs(rest, "ENV")) }),
  EXPOSE: (config, rest) => ({
    ...config,
    ExposedPorts: { ...config.ExposedPorts, ...emptyObjects(words(rest).map(port)) },
  }),
  LABEL: (config, rest) => ({ ...config, Labels: { ...config.Labels, ...Object.fromEntries(pairs(rest, "LABEL")) } }),
  USER: (config, rest) => ({ ...config, User: rest }),
  VOLUME: (config, rest) => ({
    ...config,
    Volumes: { ...config.Volumes, ...emptyObjects(jsonArray(rest) ?? words(rest)) },
  }),
  WORKDIR: (config, rest) => ({ ...config, WorkingDir: workingDirectory(config.WorkingDir ?? "/", rest) }),
  ONBUILD: (config, rest) => ({ ...config, OnBuild: [...(config.OnBuild ?? []), onBuild(rest)] }),
  STOPSIGNAL: (config, rest) => ({ ...config, StopSignal: rest }),
  HEALTHCHECK: (config, rest) => ({ ...config, Healthcheck: healthcheck(rest) }),
};

/** Applies instructions such as `CMD ["sh"]` in order. Throws invalid-argument for any other, with Docker's text. Pure. */
export function applyChanges(changes: string[], base: ExecutionConfig = {}): ExecutionConfig {
  let commandGiven = false;
  return changes.reduce((config, change) => {
    const [, name = "", rest = ""] = /^\s*(\S+)\s*([^]*?)\s*$/.exec(change) ?? [];
    const instruction = name.toUpperCase();
    if (!Object.hasOwn(INSTRUCTIONS, instruction))
      throw invalid(`${instruction || change} is not a valid change command`);
    if (rest === "") throw invalid(`${instruction} requires at least one argument`);
    commandGiven ||= instruction === "CMD";
    // A new entrypoint drops the command that belonged to the old one. @see moby builder/dockerfile `dispatchEntrypoint`
    const { Cmd: _, ...withoutCommand } = config;
    const before = instruction === "ENTRYPOINT" && !commandGiven ? withoutCommand : config;
    return (INSTRUCTIONS[instruction] as Apply)(before, rest);
  }, base);
}

/** JSON is exec form; anything else a line for the shell. */
function command(text: string): string[] {
  return jsonArray(text) ?? ["/bin/sh", "-c", text];
}

function jsonArray(text: string): string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((item) => typeof item === "string") ? (value as string[]) : undefined;
  } catch {
    return undefined;
  }
}

/** `a=b c="d e"`, or the old form `name the rest`. */
function pairs(text: string, instruction: string): [string, string][] {
  const tokens = words(text);
  if (!(tokens[0] ?? "").includes("=")) {
    const [, key = "", value = ""] = /^(\S+)\s+([^]*)$/.exec(text) ?? [];
    if (key === "") throw invalid(`${instruction} must have two arguments`);
    return [[key, value]];
  }
  return tokens.map((token) => {
    const equals = token.indexOf("=");
    if (equals <= 0)
      throw invalid(`Syntax error - can't find = in ${JSON.stringify(token)}. Must be of the form: name=value`);
    return [token.slice(0, equals), token.slice(equals + 1)];
  });
}

/** Split at blanks; quotes and backslashes as in a Dockerfile. */
function words(text: string): string[] {
  const found: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let index = 0; index < text.length; index++) {
    const character = text[index] as string;
    if (character === "\\" && quote !== "'" && index + 1 < text.length) word = (word ?? "") + (text[++index] as string);
    else if (quote !== "" && character === quote) quote = "";
    else if (quote === "" && (character === '"' || character === "'")) {
      quote = character;
      word ??= "";
    } else if (quote === "" && /\s/.test(character)) {
      if (word !== undefined) found.push(word);
      word = undefined;
    } else word = (word ?? "") + character;
  }
  if (word !== undefined) found.push(word);
  return found;
}

function mergeEnvironment(before: string[], added: [string, string][]): string[] {
  const names = new Set(added.map(([name]) => name));
  const kept = before.filter((line) => !names.has(line.split("=", 1)[0] as string));
  return [...kept, ...added.map(([name, value]) => `${name}=${value}`)];
}

function port(text: string): string {
  if (!/^\d{1,5}(-\d{1,5})?(\/(tcp|udp|sctp))?$/.test(text)) throw invalid(`invalid containerPort: ${text}`);
  return text.includes("/") ? text : `${text}/tcp`;
}

function emptyObjects(keys: string[]): Record<string, object> {
  return Object.fromEntries(keys.map((key) => [key, {}]));
}

function workingDirectory(before: string, path: string): string {
  return path.startsWith("/") ? path : `${before.replace(/\/$/, "")}/${path}`;
}

function onBuild(text: string): string {
  const trigger = (text.split(/\s/, 1)[0] as string).toUpperCase();
  if (trigger === "ONBUILD") throw invalid("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (trigger === "MAINTAINER" || trigger === "FROM") throw invalid(`${trigger} isn't allowed as an ONBUILD trigger`);
  return text;
}

const UNIT_NS: Record<string, number> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

function healthcheck(text: string): NonNullable<ExecutionConfig["Healthcheck"]> {
  if (text.toUpperCase() === "NONE") return { Test: ["NONE"] };
  const options: Record<string, string> = {};
  let rest = text;
  for (let match = /^--([a-z-]+)=(\S+)\s*/.exec(rest); match !== null; match = /^--([a-z-]+)=(\S+)\s*/.exec(rest)) {
    options[match[1] as string] = match[2] as string;
    rest = rest.slice(match[0].length);
  }
  const [, keyword = "", line = ""] = /^(\S+)\s+([^]+)$/.exec(rest) ?? [];
  if (keyword.toUpperCase() !== "CMD")
    throw invalid(`Unknown type ${JSON.stringify(keyword)} in HEALTHCHECK (try CMD)`);
  const exec = jsonArray(line);
  return {
    Test: exec === undefined ? ["CMD-SHELL", line] : ["CMD", ...exec],
    ...(options.interval === undefined ? {} : { Interval: durationNs(options.interval) }),
    ...(options.timeout === undefined ? {} : { Timeout: durationNs(options.timeout) }),
    ...(options["start-period"] === undefined ? {} : { StartPeriod: durationNs(options["start-period"]) }),
    ...(options["start-interval"] === undefined ? {} : { StartInterval: durationNs(options["start-interval"]) }),
    ...(options.retries === undefined ? {} : { Retries: Number(options.retries) || 0 }),
  };
}

function durationNs(text: string): number {
  if (!/^(\d+(\.\d+)?(ns|us|ms|s|m|h))+$/.test(text)) throw invalid(`invalid duration ${JSON.stringify(text)}`);
  let total = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)/g))
    total += Number(number) * (UNIT_NS[unit as string] as number);
  return total;
}
