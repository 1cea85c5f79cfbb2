import type { AuthEntry } from "./credentials/auth-entry.ts";

/** What we read of Docker's `config.json`. */
export interface ConfigFile {
  currentContext?: string;
  detachKeys?: string;
  psFormat?: string;
  imagesFormat?: string;
  networksFormat?: string;
  volumesFormat?: string;
  /** Accounts by registry; `{}` where a helper has the account. */
  auths?: Record<string, AuthEntry>;
  /** The helper for every registry, and those for some: `docker-credential-<name>`. */
  credsStore?: string;
  credHelpers?: Record<string, string>;
  proxies?: Record<string, Record<string, string>>;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** `--config`, else `$DOCKER_CONFIG`, else `~/.docker`. */
export function configDir(flag: string, environment: Environment): string {
  if (flag !== "") return flag;
  return environment["DOCKER_CONFIG"] || `${environment["HOME"] ?? "/root"}/.docker`;
}

/** Reads `config.json`; a missing file is an empty one. Throws when it is not JSON. */
export async function readConfigFile(dir: string): Promise<ConfigFile> {
  const path = `${dir}/config.json`;
  // A look at the size is synchronous and cheap; the failed read of a file that is not there takes two milliseconds.
  if (Bun.file(path).size === 0) return {};
  let text: string;
  try {
    text = await Bun.file(path).text();
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT" || (error as { code?: string }).code === "ENOTDIR") return {};
    throw error;
  }
  try {
    return JSON.parse(text) as ConfigFile;
  } catch (error) {
    throw new Error(`WARNING: Error loading config file: ${path}: ${(error as Error).message}`);
  }
}

const PROXY_VARIABLES: [field: string, variable: string][] = [
  ["httpProxy", "HTTP_PROXY"],
  ["httpsProxy", "HTTPS_PROXY"],
  ["noProxy", "NO_PROXY"],
  ["ftpProxy", "FTP_PROXY"],
  ["allProxy", "ALL_PROXY"],
];

/** The proxy variables that `config.json` gives to every container of this host, less those that are set already. Pure. */
export function proxyEnvironment(config: ConfigFile, host: string, given: readonly string[]): string[] {
  const proxies = config.proxies?.[host] ?? config.proxies?.["default"] ?? {};
  const names = new Set(given.map((line) => line.split("=")[0]));
  const lines: string[] = [];
  for (const [field, variable] of PROXY_VARIABLES) {
    const value = proxies[field];
    if (value === undefined || value === "") continue;
    for (const name of [variable, variable.toLowerCase()]) if (!names.has(name)) lines.push(`${name}=${value}`);
  }
  return lines;
}
