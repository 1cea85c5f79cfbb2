import { invalid } from "../base/errors.ts";

/** Rotation unless the user says otherwise: logs must not fill the disk. */
const DEFAULT_MAX_BYTES = 20 * 1000 * 1000;
const DEFAULT_MAX_FILES = 5;
const UNLIMITED_BYTES = Number.MAX_SAFE_INTEGER;

const JSON_FILE_OPTIONS = new Set([
  "max-file",
  "max-size",
  "compress",
  "labels",
  "labels-regex",
  "env",
  "env-regex",
  "tag",
  "mode",
  "max-buffer-size",
  "cache-disabled",
  "cache-max-file",
  "cache-max-size",
  "cache-compress",
]);

export interface LogLimits {
  maxBytes: number;
  maxFiles: number;
}

/**
 * Where a container's output goes: undefined for `none`. `local` is kept in the json-file format, too: it has the same limits
 * and the same readers. Throws invalid-argument with Docker's texts.
 */
export function parseLogOptions(log: { driver: string; options: Record<string, string> }): LogLimits | undefined {
  const driver = log.driver || "json-file";
  if (driver === "none") return undefined;
  if (driver !== "json-file" && driver !== "local") {
    throw invalid(`logger: no log driver named '${driver}' is registered`);
  }
  for (const name of Object.keys(log.options)) {
    if (!JSON_FILE_OPTIONS.has(name)) throw invalid(`unknown log opt '${name}' for ${driver} log driver`);
  }
  return { maxBytes: maxBytesOf(log.options["max-size"]), maxFiles: maxFilesOf(log.options["max-file"]) };
}

function maxFilesOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_MAX_FILES;
  if (!/^-?\d+$/.test(text)) throw invalid(`invalid value for "max-file": ${JSON.stringify(text)}`);
  if (Number(text) < 1) throw invalid("max-file cannot be less than 1");
  return Number(text);
}

const UNITS: Record<string, number> = { "": 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/** `10m`, `1.5g`, `1024`; `-1` is unlimited. */
function maxBytesOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_MAX_BYTES;
  if (text === "-1") return UNLIMITED_BYTES;
  const match = /^(\d+(?:\.\d+)?)\s*([bkmgt]?)i?b?$/i.exec(text);
  if (match === null) throw invalid(`invalid size: '${text}'`);
  const bytes = Math.floor(Number(match[1]) * (UNITS[(match[2] ?? "").toLowerCase()] ?? 1));
  if (bytes <= 0) throw invalid("max-size must be a positive number");
  return Math.min(bytes, UNLIMITED_BYTES);
}
