import { Transport } from "../client/transport.ts";
import type { CliContext, Command } from "./command.ts";
import { configDir, readConfigFile } from "./config-file.ts";
import type { Credentials } from "./credentials/credentials.ts";
import { tellFailure } from "./failure.ts";
import { FlagError, HelpRequested, type Parsed, parseFlags } from "./flags/flag-set.ts";
import { globalFlags } from "./global-flags.ts";
import { createInterrupts } from "./interrupts.ts";
import type { Io } from "./io.ts";
import { ANSI, type Paint, PLAIN, paintHelp, wantsColour } from "./paint.ts";
import { type Entry, GROUPS, type Group, TOP } from "./registry.ts";
import { resolveHost } from "./resolve-host.ts";
import { createTerminal, type TerminalControl } from "./terminal.ts";
import { CLIENT_VERSION } from "./version.ts";

const FLAG_ERROR_CODE = 125;

export interface MainInputs {
  program: string;
  args: string[];
  io: Io;
  environment: Readonly<Record<string, string | undefined>>;
  workingDir: string;
  /** False: no output is a terminal that shows colours, so that none has to be asked. */
  colours: boolean;
  terminalControl(): Promise<TerminalControl>;
  runProgram: CliContext["runProgram"];
}

/** Runs one command line; resolves to the exit code. Every message of a failure has been written. */
export async function main(inputs: MainInputs): Promise<number> {
  const { program, io } = inputs;
  const globals = globalFlags(configDir("", inputs.environment));
  let global: Parsed;
  try {
    global = parseFlags(globals, inputs.args, { interspersed: false });
  } catch (error) {
    if (error instanceof HelpRequested) return printTopHelp(inputs);
    return usageError(
      inputs,
      `${(error as Error).message}\n\nUsage:  ${program} [OPTIONS] COMMAND [ARG...]`,
      program,
      FLAG_ERROR_CODE,
    );
  }
  const [verb, ...rest] = global.arguments;
  if (global.bool("version")) {
    await io.out(versionLine(program));
    return 0;
  }
  if (verb === undefined) return printTopHelp(inputs);
  if (verb === "help") return printHelp(inputs, rest);
  const group = GROUPS[verb];
  const context = createContext(inputs, global);
  if (group === undefined) {
    const found = TOP[verb];
    return found === undefined ? unknownCommand(inputs, verb) : runEntry(context, verb, found, rest);
  }
  return runGroup({ inputs, context, path: [verb], group }, rest);
}

interface GroupCall {
  inputs: MainInputs;
  context: CliContext;
  /** The words that named the group. */
  path: string[];
  group: Group;
}

async function runGroup({ inputs, context, path, group }: GroupCall, rest: string[]): Promise<number> {
  const { program } = inputs;
  const words = path.join(" ");
  const [name, ...args] = rest;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") return printHelp(inputs, path);
  const inner = group.groups?.[name];
  if (inner !== undefined) return runGroup({ inputs, context, path: [...path, name], group: inner }, args);
  const found = group.entries[name];
  if (found !== undefined) return runEntry(context, `${words} ${name}`, found, args);
  if (name.startsWith("-"))
    return usageError(
      inputs,
      `unknown flag: ${name}\n\nUsage:  ${program} ${words}`,
      `${program} ${words}`,
      FLAG_ERROR_CODE,
    );
  const { closest } = await import("./suggest.ts");
  const hint = closest(name, [...Object.keys(group.entries), ...Object.keys(group.groups ?? {})]);
  const suggestion = hint === undefined ? "" : `\n\nDid you mean '${program} ${words} ${hint}'?`;
  return usageError(
    inputs,
    `${program}: unknown command: ${program} ${words} ${name}${suggestion}\n\nUsage:  ${program} ${words}`,
    `${program} ${words}`,
    1,
  );
}

function createContext(inputs: MainInputs, global: Parsed): CliContext {
  const dir = configDir(global.changed("config") ? global.string("config") : "", inputs.environment);
  let config: ReturnType<typeof readConfigFile> | undefined;
  let transport: Promise<Transport> | undefined;
  const readConfig = () => (config ??= readConfigFile(dir));
  const connect = async () => {
    const host = await resolveHost(global, inputs.environment, { configDir: dir, config: readConfig });
    const apiVersion = inputs.environment["DOCKER_API_VERSION"];
    return new Transport(host, { userAgent: `Gantry-Client/${CLIENT_VERSION} (linux)`, apiVersion });
  };
  let credentials: Promise<Credentials> | undefined;
  const open = async () => (await import("./credentials/credentials.ts")).openCredentials(context);
  const context: CliContext = {
    program: inputs.program,
    io: inputs.io,
    environment: inputs.environment,
    workingDir: inputs.workingDir,
    config: readConfig,
    configDir: dir,
    credentials: () => (credentials ??= open()),
    runProgram: inputs.runProgram,
    connect: () => (transport ??= connect()),
    terminal: async () => createTerminal(await inputs.terminalControl()),
    paint: (output) => paintFor(inputs, output),
    onInterrupt: createInterrupts((code) => process.exit(code)),
  };
  return context;
}

async function paintFor(inputs: MainInputs, output: "out" | "err"): Promise<Paint> {
  if (!inputs.colours || !wantsColour(inputs.environment)) return PLAIN;
  return (await inputs.terminalControl()).isTerminal(output === "out" ? 1 : 2) ? ANSI : PLAIN;
}

async function runEntry(context: CliContext, path: string, entry: Entry, args: string[]): Promise<number> {
  const { command } = await entry.load();
  const title = `${context.program} ${path}`;
  const usage = `Usage:  ${title}${command.usage === "" ? "" : ` ${command.usage}`}`;
  let flags: Parsed;
  try {
    flags = parseFlags(command.flags, args, { interspersed: command.interspersed ?? true });
  } catch (error) {
    if (!(error instanceof HelpRequested)) {
      return usageError(
        context,
        `${(error as Error).message}\n\n${usage}`,
        title,
        error instanceof FlagError ? FLAG_ERROR_CODE : 1,
      );
    }
    const { commandHelp } = await import("./help.ts");
    return showHelp(context, commandHelp(context.program, path, command));
  }
  for (const notice of flags.notices) await context.io.err(`${notice}\n`);
  const arity = arityProblem(command, flags.arguments.length);
  if (arity !== undefined) {
    const see = arity.startsWith("requires at least") ? "See" : "Run"; // Docker's own wavering, which tests compare
    await context.io.err(
      `${context.program}: '${title}' ${arity}\n\n${usage}\n\n${see} '${title} --help' for more information\n`,
    );
    return 1;
  }
  return runCommand(context, command, flags);
}

async function runCommand(context: CliContext, command: Command, flags: Parsed): Promise<number> {
  try {
    return await command.run(context, flags);
  } catch (error) {
    if ((error as { code?: unknown }).code === "EPIPE") return 141; // as if SIGPIPE had ended us
    return tellFailure(context, error);
  }
}

function arityProblem(command: Command, count: number): string | undefined {
  const { min, max } = command.arity;
  if (count >= min && count <= max) return undefined;
  const words = (n: number) => `${n} ${n === 1 ? "argument" : "arguments"}`;
  if (max === 0) return "accepts no arguments";
  if (min === max) return `requires ${words(min)}`;
  if (max === Number.POSITIVE_INFINITY) return `requires at least ${words(min)}`;
  return min === 0 ? `requires at most ${words(max)}` : `requires at least ${min} and at most ${words(max)}`;
}

async function usageError(inputs: { io: Io }, message: string, title: string, code: number): Promise<number> {
  await inputs.io.err(`${message}\n\nRun '${title} --help' for more information\n`);
  return code;
}

async function unknownCommand(inputs: MainInputs, verb: string): Promise<number> {
  const { program } = inputs;
  const { closest, laterVerb } = await import("./suggest.ts");
  const later = laterVerb(verb);
  if (later) {
    await inputs.io.err(`${program}: '${program} ${verb}' is not available yet in this version of Gantry\n`);
    return 1;
  }
  const hint = closest(verb, [...Object.keys(TOP), ...Object.keys(GROUPS)]);
  const suggestion = hint === undefined ? "" : `\n\nDid you mean '${program} ${hint}'?`;
  return usageError(inputs, `${program}: unknown command: ${program} ${verb}${suggestion}`, program, 1);
}

async function printTopHelp(inputs: MainInputs): Promise<number> {
  const { topHelp } = await import("./help.ts");
  return showHelp(inputs, topHelp(inputs.program, globalFlags(configDir("", inputs.environment))));
}

async function printHelp(inputs: MainInputs, path: string[]): Promise<number> {
  const [verb, ...names] = path;
  if (verb === undefined) return printTopHelp(inputs);
  const { commandHelp, groupHelp } = await import("./help.ts");
  let group = GROUPS[verb];
  let entry = group === undefined ? TOP[verb] : undefined;
  // A verb without a group takes no further words.
  const words = (group === undefined ? [verb] : path).join(" ");
  if (group !== undefined) {
    for (const name of names) {
      entry = group?.entries[name];
      group = group?.groups?.[name];
    }
  }
  if (entry !== undefined) {
    const { command } = await entry.load();
    return showHelp(inputs, commandHelp(inputs.program, words, command));
  }
  if (group === undefined) return unknownCommand(inputs, path.join(" "));
  return showHelp(inputs, groupHelp(inputs.program, words, group));
}

async function showHelp(target: MainInputs | CliContext, text: string): Promise<number> {
  const paint = "paint" in target ? await target.paint("out") : await paintFor(target, "out");
  await target.io.out(paintHelp(paint, text));
  return 0;
}

/** Scripts that call us `docker` look for the words that it prints. */
function versionLine(program: string): string {
  return program === "docker"
    ? `Docker version ${CLIENT_VERSION}, build gantry\n`
    : `Gantry version ${CLIENT_VERSION}\n`;
}
