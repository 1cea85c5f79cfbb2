import { type Flag, type Parsed, parseFlags } from "../cli/flags/flag-set.ts";
import { BOOL, DURATION, LIST, STRING, UINT } from "../cli/flags/flag-types.ts";
import { flagUsages } from "../cli/flags/flag-usage.ts";
import { type RegistryConfig, resolveConfig, type Settings } from "../registry/server/config/config.ts";
import { CONFIG_OPTIONS, type ConfigOption } from "../registry/server/config/options.ts";
import { settingsFromEnvironment, settingsFromFile } from "../registry/server/config/sources.ts";

const TYPES = { string: STRING, list: LIST, bool: BOOL, number: UINT, duration: DURATION };
const OPTIONS: readonly ConfigOption[] = CONFIG_OPTIONS;

const CONFIG: Flag = { name: "config", type: STRING, usage: "YAML or JSON file with settings, named as these flags" };
const PARTIAL: Flag = {
  name: "partial",
  type: BOOL,
  usage: "The directory is a cache: what was never fetched is not missing",
};
const REMOVE: Flag = {
  name: "remove-damaged",
  type: BOOL,
  usage: "Remove files with wrong bytes, so that a push repairs them",
};
const OFFLINE: Flag = {
  name: "offline",
  type: BOOL,
  usage: "No server runs on the directory: spare nothing for being new",
};
const OF_GC = ["root", "gc-grace", "upload-expiry", "delete-untagged"];

function flagOf({ name, kind, usage, default: value }: ConfigOption): Flag {
  return { name, type: TYPES[kind], usage, ...(value === undefined ? {} : { default: value }) };
}

interface Verb {
  short: string;
  text: string;
  flags: Flag[];
}

/** `gantry registry VERB`, in the order of its help. */
export const VERBS = {
  serve: {
    short: "Serve a directory as a registry",
    text: `Serve a directory as a registry of images. Everything lies below the directory, and
several servers may share it. Flags win over the environment (the variables of Docker's
registry image), and that over the file.

Examples:
  gantry registry serve --root /var/lib/registry
  gantry registry serve --root DIR --listen :5000 --htpasswd FILE --tls-certificate CRT --tls-key KEY
  gantry registry serve --root DIR --proxy https://registry-1.docker.io`,
    flags: [CONFIG, ...OPTIONS.map(flagOf)],
  },
  gc: {
    short: "Remove what nothing refers to",
    text: "Remove what nothing refers to. Servers on the same directory go on meanwhile.",
    flags: [OFFLINE, ...OPTIONS.filter(({ name }) => OF_GC.includes(name)).map(flagOf)],
  },
  check: {
    short: "Verify every blob and every reference",
    text: "Read every blob and follow every reference. Prints what is damaged; the exit code is then 1.",
    flags: [REMOVE, PARTIAL, ...OPTIONS.filter(({ name }) => name === "root").map(flagOf)],
  },
} satisfies Record<string, Verb>;

export type VerbName = keyof typeof VERBS;

export function registryUsage(): string {
  const rows = Object.entries(VERBS).map(([name, { short }]) => `  ${name.padEnd(8)}${short}\n`);
  return (
    `Usage:  gantry registry COMMAND\n\nA registry of your own\n\nCommands:\n${rows.join("")}\n` +
    "Run 'gantry registry COMMAND --help' for more information on a command.\n"
  );
}

export function verbUsage(name: VerbName): string {
  const { text, flags } = VERBS[name];
  return `Usage:  gantry registry ${name} [OPTIONS]\n\n${text}\n\nOptions:\n${flagUsages(flags)}`;
}

/** Throws FlagError, HelpRequested or invalid-argument. */
export function parseVerb(name: VerbName, argv: string[]): { config: RegistryConfig; flags: Parsed } {
  const own: Flag[] = VERBS[name].flags;
  const flags = parseFlags(own, argv, { interspersed: true });
  if (flags.arguments.length > 0) throw new Error(`"gantry registry ${name}" accepts no arguments`);
  const given: Settings = {};
  for (const option of OPTIONS) {
    if (own.some((flag) => flag.name === option.name) && flags.changed(option.name))
      given[option.name] = flags.list(option.name);
  }
  const file = name === "serve" ? flags.string("config") : "";
  const config = resolveConfig(given, settingsFromEnvironment(process.env), file === "" ? {} : settingsFromFile(file));
  return { config, flags };
}
