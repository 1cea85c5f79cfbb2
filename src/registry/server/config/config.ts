import { invalid } from "../../../base/errors.ts";
import type { LogLevel } from "../../../base/logger.ts";
import { CONFIG_OPTIONS, type ConfigOption, type OptionName } from "./options.ts";

/** Everything that a server is told. Empty strings: not wanted. */
export interface RegistryConfig {
  listen: ListenAddress;
  root: string;
  reusePort: boolean;
  readOnly: boolean;
  deletes: boolean;
  tls: { certificate: string; key: string } | undefined;
  htpasswd: string;
  realm: string;
  anonymousPull: boolean;
  token: { realm: string; service: string; issuer: string; keys: string[] } | undefined;
  proxy:
    | { url: string; user: string; password: string; passwordFile: string; forgetAfterMs: number | undefined }
    | undefined;
  gc: { intervalMs: number; graceMs: number; uploadExpiryMs: number; deleteUntagged: boolean };
  limits: { uploads: number; requests: number; stallMs: number; shutdownMs: number };
  accessLog: boolean;
  metricsListen: ListenAddress | undefined;
  logLevel: LogLevel;
}

export interface ListenAddress {
  host: string;
  port: number;
}

/** Texts of settings by name: what one source (flags, environment, file) says. A list has one text per entry. */
export type Settings = Partial<Record<string, string[]>>;

const UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const LEVELS: LogLevel[] = ["debug", "info", "warn", "error"];
/** Bun closes no idle connection later than 255 seconds. */
const MAX_STALL_MS = 250_000;
const MIN_STALL_MS = 1000;

/** The first source that names a setting decides. Throws invalid-argument, and says which setting is wrong. */
export function resolveConfig(...sources: Settings[]): RegistryConfig {
  const read = createReader(sources);
  const { text, flag, count, duration } = read;
  const logLevel = LEVELS.find((level) => level === text("log-level"));
  if (logLevel === undefined)
    throw invalid(`log-level: ${JSON.stringify(text("log-level"))} is not ${LEVELS.join(", ")}`);
  const config: RegistryConfig = {
    listen: parseListen(text("listen"), "listen"),
    root: text("root"),
    reusePort: flag("reuse-port"),
    readOnly: flag("read-only"),
    deletes: flag("delete"),
    tls: together(read, "tls-certificate", "tls-key"),
    htpasswd: text("htpasswd"),
    realm: text("realm"),
    anonymousPull: flag("anonymous-pull"),
    token: tokenConfig(read),
    proxy: proxyConfig(read),
    gc: {
      intervalMs: duration("gc-interval"),
      graceMs: duration("gc-grace"),
      uploadExpiryMs: duration("upload-expiry"),
      deleteUntagged: flag("delete-untagged"),
    },
    limits: {
      uploads: count("max-uploads", 1),
      requests: count("max-requests", 1),
      stallMs: duration("stall-timeout", MIN_STALL_MS, MAX_STALL_MS),
      shutdownMs: duration("shutdown-timeout"),
    },
    accessLog: flag("access-log"),
    metricsListen: text("metrics-listen") === "" ? undefined : parseListen(text("metrics-listen"), "metrics-listen"),
    logLevel,
  };
  checkTogether(config);
  return config;
}

function checkTogether(config: RegistryConfig): void {
  if (config.root === "") throw invalid("root: say which directory holds the registry (--root DIR)");
  if (config.htpasswd !== "" && config.token !== undefined)
    throw invalid("htpasswd and token-realm: choose one way to log in");
  if (config.anonymousPull && config.htpasswd === "") throw invalid("anonymous-pull: needs --htpasswd");
  if (config.proxy !== undefined && config.readOnly) throw invalid("proxy: a cache cannot be read-only");
}

interface Reader {
  text: (name: OptionName) => string;
  list: (name: OptionName) => string[];
  flag: (name: OptionName) => boolean;
  count: (name: OptionName, least?: number) => number;
  /** In milliseconds. */
  duration: (name: OptionName, leastMs?: number, mostMs?: number) => number;
}

function createReader(sources: Settings[]): Reader {
  const options: ConfigOption[] = [...CONFIG_OPTIONS];
  const byName = new Map(options.map((option) => [option.name, option]));
  for (const key of sources.flatMap((source) => Object.keys(source)))
    if (!byName.has(key)) throw invalid(`${key}: no such setting`);
  const list = (name: OptionName) => {
    const given = sources.find((source) => source[name] !== undefined)?.[name];
    return given ?? [byName.get(name)?.default ?? ""].filter((text) => text !== "");
  };
  const text = (name: OptionName) => list(name).at(-1) ?? "";
  return {
    text,
    list,
    flag(name) {
      if (/^(1|t|true|yes|on)$/i.test(text(name))) return true;
      if (/^(0|f|false|no|off)$/i.test(text(name))) return false;
      throw invalid(`${name}: ${JSON.stringify(text(name))} is neither true nor false`);
    },
    count(name, least = 0) {
      const value = /^\d{1,12}$/.test(text(name)) ? Number(text(name)) : Number.NaN;
      if (value >= least) return value;
      throw invalid(`${name}: ${JSON.stringify(text(name))} is not a number from ${least}`);
    },
    duration(name, leastMs = 0, mostMs = Number.MAX_SAFE_INTEGER) {
      const parts = [...text(name).matchAll(/(\d{1,9})(ms|s|m|h)/g)];
      if (parts.length === 0 || parts.map(([part]) => part).join("") !== text(name))
        throw invalid(`${name}: ${JSON.stringify(text(name))} is not a time such as 90s or 24h`);
      const value = parts.reduce((sum, [, number, unit = ""]) => sum + Number(number) * (UNIT_MS[unit] ?? 0), 0);
      if (value >= leastMs && value <= mostMs) return value;
      throw invalid(`${name}: ${text(name)} is not between ${leastMs / 1000}s and ${mostMs / 1000}s`);
    },
  };
}

function together(read: Reader, certificate: OptionName, key: OptionName): RegistryConfig["tls"] {
  const [one, other] = [read.text(certificate), read.text(key)];
  if ((one === "") !== (other === "")) throw invalid(`${certificate} and ${key} belong together`);
  return one === "" ? undefined : { certificate: one, key: other };
}

function tokenConfig({ text, list }: Reader): RegistryConfig["token"] {
  const realm = text("token-realm");
  if (realm === "") return undefined;
  const token = { realm, service: text("token-service"), issuer: text("token-issuer"), keys: list("token-keys") };
  if (token.service === "" || token.issuer === "" || token.keys.length === 0)
    throw invalid("token-realm: needs token-service, token-issuer and token-keys");
  return token;
}

function proxyConfig({ text, duration }: Reader): RegistryConfig["proxy"] {
  const url = text("proxy");
  if (url === "") return undefined;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) throw invalid(`proxy: ${url} is no http(s) URL`);
  const ttlMs = duration("proxy-ttl");
  return {
    url,
    user: text("proxy-username"),
    password: text("proxy-password"),
    passwordFile: text("proxy-password-file"),
    forgetAfterMs: ttlMs === 0 ? undefined : ttlMs,
  };
}

/** `127.0.0.1:5000`, `[::1]:5000`, `:5000` (every address), `localhost:0` (any free port). */
export function parseListen(text: string, what: string): ListenAddress {
  const match = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]*):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match === null || port > 65_535) throw invalid(`${what}: ${JSON.stringify(text)} is not HOST:PORT`);
  const host = (match[1] ?? "").replace(/^\[|\]$/g, "");
  return { host: host === "" ? "0.0.0.0" : host, port };
}
