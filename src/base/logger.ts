export type LogLevel = "debug" | "info" | "warn" | "error";

/** Structured lines for the daemon's own log; never on the path of container output. */
export interface Logger {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

const ORDER: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** Writes one line a message, `time=… level=… msg="…" key=value`, as dockerd does. Newlines are escaped. */
export function createLogger(level: LogLevel, write: (line: string) => void): Logger {
  const at = (own: LogLevel) => (message: string, fields?: Record<string, unknown>) => {
    if (ORDER[own] < ORDER[level]) return;
    let line = `time=${JSON.stringify(new Date().toISOString())} level=${own} msg=${JSON.stringify(message)}`;
    for (const [key, value] of Object.entries(fields ?? {})) line += ` ${key}=${format(value)}`;
    write(`${line}\n`);
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

function format(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.stack ?? value.message);
  if (typeof value === "string") return /^[\w./:@-]+$/.test(value) ? value : JSON.stringify(value);
  return JSON.stringify(value) ?? "undefined";
}

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
