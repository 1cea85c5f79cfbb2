import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { absolutePath } from "../../absolute-path.ts";
import { ANY_NUMBER, type CliContext, type Command } from "../../command.ts";
import { type Parsed, parseFlags } from "../../flags/flag-set.ts";
import { BOOL, LIST, STRING } from "../../flags/flag-types.ts";
import { command as build } from "../build.ts";
import { type BakeFile, type BakeTarget, chooseTargets, parseBakeFiles } from "./bake-file.ts";
import { targetArguments, targetContexts } from "./target-arguments.ts";

const DEFAULT_FILES = ["docker-bake.json", "docker-bake.override.json"];
/** What buildx takes, and this does not: better said than passed over. */
const OTHER_FILES = ["docker-bake.hcl", "docker-bake.override.hcl", "compose.yaml", "docker-compose.yml"];
/** Fields that have another name in `--set`. */
const OVERRIDE_NAMES: Record<string, string> = { platform: "platforms", secrets: "secret" };
/** Fields that are one text. */
const SINGLE = ["context", "dockerfile", "target", "network", "no-cache", "pull", "call", "shm-size"];
/** Given to every build as they are. */
const PASSED_SWITCHES = ["no-cache", "pull", "push", "load"];

export const command: Command = {
  usage: "[OPTIONS] [TARGET...]",
  short: "Build from a file",
  aliases: ["builder bake", "buildx bake"],
  flags: [
    { name: "file", short: "f", type: LIST, usage: "Build definition file, in JSON" },
    { name: "set", type: LIST, usage: 'Override target value (e.g., "target.key=value"; "*" is every target)' },
    { name: "print", type: BOOL, usage: "Print the options without building" },
    { name: "no-cache", type: BOOL, usage: "Do not use cache when building the image" },
    { name: "pull", type: BOOL, usage: "Always attempt to pull all referenced images" },
    { name: "push", type: BOOL, usage: 'Shorthand for "--set=*.output=type=registry"' },
    { name: "load", type: BOOL, usage: 'Shorthand for "--set=*.output=type=docker"' },
    { name: "progress", type: STRING, usage: "Set type of progress output", default: "auto" },
    { name: "builder", type: STRING, usage: "Override the configured builder instance", hidden: true },
  ],
  arity: ANY_NUMBER,
  examples: [
    ["buildx bake", "The targets of the group default of docker-bake.json"],
    ["buildx bake --set app.args.VERSION=2 app", "One target, with another value for an argument"],
  ],
  run: bake,
};

async function bake(context: CliContext, flags: Parsed): Promise<number> {
  const file = readFiles(context, flags.list("file"));
  applyOverrides(file, flags.list("set"));
  const chosen = chooseTargets(file, flags.arguments);
  if (flags.bool("print")) {
    const target = Object.fromEntries(chosen.map(({ name, fields }) => [name, fields]));
    await context.io.out(`${JSON.stringify({ target }, null, 2)}\n`);
    return 0;
  }
  const directory = mkdtempSync(join(tmpdir(), "gantry-bake-"));
  try {
    return await buildAll(context, { file, chosen, flags, directory });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Baking {
  file: BakeFile;
  chosen: BakeTarget[];
  flags: Parsed;
  /** For what the builds write about themselves. */
  directory: string;
}

/** One after the other, what others stand on first: their steps run in the daemon's own order, and its cache is theirs. */
async function buildAll(context: CliContext, { file, chosen, flags, directory }: Baking): Promise<number> {
  const images = new Map<string, string>();
  const passed = PASSED_SWITCHES.filter((name) => flags.changed(name)).map((name) => `--${name}=${flags.bool(name)}`);
  const common = [...passed, "--progress", flags.string("progress")];
  const open = new Set<string>();
  const buildOne = async (target: BakeTarget, isBase: boolean): Promise<void> => {
    if (images.has(target.name)) return;
    if (open.has(target.name)) throw new Error(`target ${target.name} needs itself`);
    open.add(target.name);
    const { main, named } = targetContexts(target);
    const contexts: string[] = [];
    for (const [name, value] of named) {
      const other = value.startsWith("target:") ? value.slice("target:".length) : undefined;
      if (other !== undefined) await buildOne(targetOf(file, other), true);
      const place = other === undefined ? value : `docker-image://${images.get(other) ?? ""}`;
      contexts.push("--build-context", `${name}=${place}`);
    }
    const argv = [...targetArguments(target), ...contexts, ...common];
    const idFile = join(directory, target.name);
    // What others stand on has to be an image, whatever else becomes of it.
    if (isBase && target.fields["output"] !== undefined) argv.push("--output", "type=image");
    await context.io.err(`bake: ${target.name}\n`);
    const parsed = parseFlags(build.flags, [...argv, "--iidfile", idFile, main], { interspersed: true });
    const code = await build.run(context, parsed);
    if (code !== 0) throw new Error(`target ${target.name} ended with ${code}`);
    images.set(target.name, existsSync(idFile) ? readFileSync(idFile, "utf8").trim() : "");
    open.delete(target.name);
  };
  // Bases that are wanted themselves are images from the beginning.
  const bases = new Set(chosen.flatMap((target) => targetContexts(target).named.map(([, value]) => value)));
  for (const target of chosen) await buildOne(target, bases.has(`target:${target.name}`));
  return 0;
}

function targetOf(file: BakeFile, name: string): BakeTarget {
  const target = file.targets.get(name);
  if (target === undefined) throw new Error(`failed to find target ${name}`);
  return target;
}

function readFiles({ workingDir, environment }: CliContext, given: readonly string[]): BakeFile {
  const known = (names: string[]) => names.filter((name) => existsSync(absolutePath(workingDir, name)));
  const names = given.length > 0 ? [...given] : known(DEFAULT_FILES);
  const foreign = [...names, ...(given.length > 0 ? [] : known(OTHER_FILES))].find((name) =>
    /\.(hcl|ya?ml)$/.test(name),
  );
  if (foreign !== undefined && (given.length > 0 || names.length === 0)) {
    throw new Error(
      `${foreign}: bake files in HCL and compose files are not supported here, only JSON (docker-bake.json)`,
    );
  }
  if (names.length === 0) throw new Error(`couldn't find a bake definition: ${DEFAULT_FILES[0]}`);
  const texts = names.map((name) => ({ name, text: readFileSync(absolutePath(workingDir, name), "utf8") }));
  return parseBakeFiles(texts, environment);
}

/** `target.key=value`, `target.args.NAME=value`; a list has the values that are given for it, and no others. */
function applyOverrides({ targets }: BakeFile, texts: readonly string[]): void {
  const replaced = new Map<string, string[]>();
  for (const text of texts) {
    const [, pattern = "", written = "", key, value = ""] =
      /^([\w*-]+)\.([\w-]+)(?:\.([^=]+))?=(.*)$/s.exec(text) ?? [];
    const field = Object.hasOwn(OVERRIDE_NAMES, written) ? (OVERRIDE_NAMES[written] as string) : written;
    if (field === "") throw new Error(`invalid override ${JSON.stringify(text)}, expected target.name=value`);
    const chosen = [...targets.values()].filter(({ name }) => pattern === "*" || name === pattern);
    if (chosen.length === 0) throw new Error(`could not find any target matching '${pattern}'`);
    for (const { name, fields } of chosen) {
      const list = replaced.get(`${name} ${field}`) ?? [];
      replaced.set(`${name} ${field}`, [...list, value]);
      if (key !== undefined) fields[field] = { ...(fields[field] as object | undefined), [key]: value };
      else fields[field] = SINGLE.includes(field) ? value : [...list, value];
    }
  }
}
