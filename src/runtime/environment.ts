/** PATH of a process whose image has none. */
export const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface EnvironmentRequest {
  /** `KEY=value` of the image and the user, the user's last; `KEY` alone removes one that stands before it. */
  environment: readonly string[];
  /** undefined: no HOSTNAME, as in a build. */
  hostname?: string;
  tty?: boolean;
  /** The user's home from passwd; HOME is set from it where the environment has none. */
  home: string;
  /** `KEY=value` that come before the rest, as for links. */
  extra?: readonly string[];
}

/**
 * The environment of a process in Docker's order: PATH, HOSTNAME, TERM (with a terminal), what links add, then what image and
 * user say, HOME last if missing. A later value replaces an earlier one in its place.
 */
export function buildEnvironment(request: EnvironmentRequest): string[] {
  const values = new Map<string, string>([["PATH", `PATH=${DEFAULT_PATH}`]]);
  if (request.hostname !== undefined) values.set("HOSTNAME", `HOSTNAME=${request.hostname}`);
  if (request.tty === true) values.set("TERM", "TERM=xterm");
  for (const entry of [...(request.extra ?? []), ...request.environment]) {
    const index = entry.indexOf("=");
    if (index < 0) values.delete(entry);
    else values.set(entry.slice(0, index), entry);
  }
  if (!values.has("HOME")) values.set("HOME", `HOME=${request.home}`);
  return [...values.values()];
}
