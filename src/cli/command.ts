import type { Transport } from "../client/transport.ts";
import type { ConfigFile } from "./config-file.ts";
import type { Credentials } from "./credentials/credentials.ts";
import type { Flag, Parsed } from "./flags/flag-set.ts";
import type { Io } from "./io.ts";
import type { Paint } from "./paint.ts";
import type { Terminal } from "./terminal.ts";

/** What a verb gets from outside; nothing else in `cli/` reads the environment or the standard streams. */
export interface CliContext {
  /** The name we were called by: `gantry`, or `docker`. */
  program: string;
  io: Io;
  environment: Readonly<Record<string, string | undefined>>;
  workingDir: string;
  /** Opens no connection before the first call. Throws when the host cannot be made out. */
  connect(): Promise<Transport>;
  config(): Promise<ConfigFile>;
  /** The user's accounts at registries; opened by the first who asks. */
  credentials(): Promise<Credentials>;
  /** Where `config.json` is, and what else we keep for the user. */
  configDir: string;
  /**
   * Runs one of the user's programs with `input`, to its end; what it says on standard error the user sees. Throws when it is not
   * there, or takes too long.
   */
  runProgram(argv: string[], input: string): Promise<ProgramResult>;
  terminal(): Promise<Terminal>;
  /** The colours of one of our outputs: none unless it is a terminal and the user wants them. */
  paint(output: "out" | "err"): Promise<Paint>;
  /** Has `cleanup` done when a signal ends us, until the returned function is called. */
  onInterrupt(cleanup: () => Promise<void>): () => void;
}

export interface ProgramResult {
  code: number;
  out: string;
}

/** How many positional arguments a verb takes. */
export type Arity = { min: number; max: number };
export const NO_ARGUMENTS: Arity = { min: 0, max: 0 };
export const AT_LEAST_ONE: Arity = { min: 1, max: Number.POSITIVE_INFINITY };
export const ANY_NUMBER: Arity = { min: 0, max: Number.POSITIVE_INFINITY };
export function exactly(count: number): Arity {
  return { min: count, max: count };
}

export interface Command {
  /** After the path: `[OPTIONS] IMAGE [COMMAND] [ARG...]`. */
  usage: string;
  short: string;
  /** Every path, for the help: `container run`, `run`. */
  aliases: string[];
  flags: Flag[];
  arity: Arity;
  /** False: options stop at the first positional. */
  interspersed?: boolean;
  /** Lines `command` → what it does, for the help. */
  examples: [command: string, does: string][];
  /** Resolves to the exit code. */
  run(context: CliContext, flags: Parsed): Promise<number>;
}

/** Ends the command with `code`; `message` goes to standard error as it stands. */
export class ExitError extends Error {
  readonly code: number;
  /** `cause`: what the advice to the user is taken from. */
  constructor(code: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
