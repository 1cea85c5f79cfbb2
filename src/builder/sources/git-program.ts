import { existsSync, mkdirSync } from "node:fs";
import { EngineError } from "../../base/errors.ts";
import { runTool } from "../../kernel/run-program.ts";

/** Only these: a program of that name elsewhere is not what is meant. */
const PROGRAMS = ["/usr/bin/git", "/bin/git", "/usr/local/bin/git"];
/** What the daemon was started with: its way to the network. */
const PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"].flatMap((name) => [name, name.toLowerCase()]);
const TIMEOUT_MS = 600_000;
/** A pack that is larger is given up. */
const MAX_FILE_BYTES = 32 * 2 ** 30;

/** Settings that nothing in a repository can change. */
const SETTINGS: [string, string][] = [
  ["core.hooksPath", "/dev/null"],
  ["core.fsmonitor", "false"],
  ["core.symlinks", "true"],
  ["core.autocrlf", "false"],
  ["core.attributesFile", "/dev/null"],
  ["core.excludesFile", "/dev/null"],
  ["credential.helper", ""],
  ["gc.auto", "0"],
  ["maintenance.auto", "false"],
  ["fetch.recurseSubmodules", "false"],
  ["init.defaultBranch", "main"],
  ["advice.detachedHead", "false"],
  ["protocol.ext.allow", "never"],
  ["http.followRedirects", "initial"],
  ["safe.directory", "*"],
];

export interface GitOptions {
  cwd: string;
  /** An empty directory. */
  home: string;
  /** Files of ours are read, besides the network. */
  allowFile?: boolean;
  /** `http.<url>.extraheader` and the like, out of sight of other processes. */
  settings?: [string, string][];
  /** Socket of the client's ssh agent. */
  agentSocket?: string;
  signal: AbortSignal;
}

export type Git = (argv: string[], options: GitOptions) => Promise<string>;

/**
 * Runs git with nothing of the host: no configuration, no hooks, no helpers, nobody to ask for a password, and only transports that
 * talk to a network. Throws not-found with what to install, unavailable with git's own words.
 */
export const runGit: Git = async (argv, { cwd, home, allowFile = false, settings = [], agentSocket, signal }) => {
  const program = PROGRAMS.find((path) => existsSync(path));
  if (program === undefined) {
    throw new EngineError("not-found", "git is not installed on this host: install it (apt-get install git)");
  }
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const all = [...SETTINGS, ...settings];
  const env: Record<string, string> = {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    HOME: home,
    XDG_CONFIG_HOME: home,
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_COUNT: String(all.length),
    GIT_TERMINAL_PROMPT: "0",
    GIT_ASKPASS: "/bin/false",
    SSH_ASKPASS: "/bin/false",
    GIT_LFS_SKIP_SMUDGE: "1",
    GIT_ALLOW_PROTOCOL: allowFile ? "file" : "https:http:ssh:git",
    GIT_SSH_COMMAND: "ssh -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null",
    ...(agentSocket === undefined ? {} : { SSH_AUTH_SOCK: agentSocket }),
  };
  for (const name of PROXIES) if (process.env[name] !== undefined) env[name] = process.env[name];
  for (const [at, [key, value]] of all.entries()) {
    env[`GIT_CONFIG_KEY_${at}`] = key;
    env[`GIT_CONFIG_VALUE_${at}`] = value;
  }
  const tool = { env, cwd, timeoutMs: TIMEOUT_MS, maxFileBytes: MAX_FILE_BYTES, signal };
  return runTool([program, ...argv], tool);
};
