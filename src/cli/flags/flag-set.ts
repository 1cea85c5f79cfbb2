import type { FlagType } from "./flag-types.ts";

export interface Flag {
  name: string;
  short?: string;
  type: FlagType;
  usage: string;
  /** Value when not given, as text; help shows it unless it is a zero value. */
  default?: string;
  hidden?: boolean;
  /** `use --x instead`: said on standard error when the flag is given. */
  deprecated?: string;
  /** Another spelling of this flag: same value. */
  aliasOf?: string;
}

/** A command line that cannot be parsed; the text is pflag's. */
export class FlagError extends Error {}

/** Thrown for `--help`, wherever it stands. */
export class HelpRequested extends Error {}

/** The values of one command line. Asking for a flag that the command has not is a bug. */
export class Parsed {
  readonly arguments: string[];
  /** Lines about deprecated flags that were given. */
  readonly notices: string[] = [];
  /** Index in `arguments` at which `--` stood, or -1. */
  readonly dashAt: number = -1;
  readonly #flags: Map<string, Flag>;
  readonly #given = new Map<string, string[]>();

  constructor(flags: Map<string, Flag>, positional: string[]) {
    this.#flags = flags;
    this.arguments = positional;
  }

  set(flag: Flag, value: string): void {
    const before = this.#given.get(flag.name);
    if (before === undefined || !flag.type.repeated) this.#given.set(flag.name, [value]);
    else before.push(value);
  }

  changed(name: string): boolean {
    this.#flag(name);
    return this.#given.has(name);
  }

  list(name: string): string[] {
    this.#flag(name);
    return this.#given.get(name) ?? [];
  }

  string(name: string): string {
    const flag = this.#flag(name);
    return this.#given.get(name)?.[0] ?? flag.default ?? "";
  }

  /** The checked text of a bool. */
  bool(name: string): boolean {
    return /^(1|t|true)$/i.test(this.string(name));
  }

  /** The text, read by `parse` unless empty: then `otherwise`. */
  value<T>(name: string, parse: (text: string) => T, otherwise: T): T {
    const text = this.string(name);
    return text === "" ? otherwise : parse(text);
  }

  #flag(name: string): Flag {
    const flag = this.#flags.get(name);
    if (flag === undefined) throw new Error(`bug: the command has no flag --${name}`);
    return flag;
  }
}

const HELP: Flag = { name: "help", type: { label: "", repeated: false }, usage: "Print usage", hidden: true };

/**
 * Parses as spf13/pflag does. `interspersed: false` stops at the first positional, as run, create and exec need.
 * Throws FlagError, or HelpRequested.
 */
export function parseFlags(
  flags: readonly Flag[],
  args: readonly string[],
  options: { interspersed: boolean },
): Parsed {
  const byName = new Map(flags.map((flag) => [flag.name, flag]));
  const byShort = new Map<string, Flag>();
  for (const flag of flags) if (flag.short !== undefined) byShort.set(flag.short, flag);
  if (!byName.has("help")) byName.set("help", HELP);
  if (!byShort.has("h")) byShort.set("h", HELP);
  const positional: string[] = [];
  const parsed = new Parsed(byName, positional);
  const set = (flag: Flag, value: string) => assign(parsed, byName, flag, value);
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? "";
    if (word === "--") {
      (parsed as { dashAt: number }).dashAt = positional.length;
      positional.push(...args.slice(at + 1));
      break;
    }
    if (word.startsWith("--")) at += parseLong(word, args[at + 1], byName, set);
    else if (word.startsWith("-") && word !== "-") at += parseShorts(word, args[at + 1], byShort, set);
    else if (options.interspersed) positional.push(word);
    else {
      positional.push(...args.slice(at));
      break;
    }
  }
  return parsed;
}

type Assign = (flag: Flag, value: string) => void;

/** Returns how many following words it took. */
function parseLong(word: string, following: string | undefined, byName: Map<string, Flag>, set: Assign): number {
  const body = word.slice(2);
  if (body.startsWith("-") || body.startsWith("=")) throw new FlagError(`bad flag syntax: ${word}`);
  const equals = body.indexOf("=");
  const name = equals < 0 ? body : body.slice(0, equals);
  const flag = byName.get(name);
  if (flag === undefined) throw new FlagError(`unknown flag: --${name}`);
  if (equals >= 0) set(flag, body.slice(equals + 1));
  else if (flag.type.label === "") set(flag, "true");
  else if (following === undefined) throw new FlagError(`flag needs an argument: --${name}`);
  else {
    set(flag, following);
    return 1;
  }
  return 0;
}

function parseShorts(word: string, following: string | undefined, byShort: Map<string, Flag>, set: Assign): number {
  for (let rest = word.slice(1); rest !== ""; rest = rest.slice(1)) {
    const letter = rest[0] ?? "";
    const flag = byShort.get(letter);
    if (flag === undefined) throw new FlagError(`unknown shorthand flag: '${letter}' in -${rest}`);
    if (rest.length > 2 && rest[1] === "=") {
      set(flag, rest.slice(2));
      return 0;
    }
    if (flag.type.label === "") {
      set(flag, "true");
      continue;
    }
    if (rest.length > 1) set(flag, rest.slice(1));
    else if (following === undefined) throw new FlagError(`flag needs an argument: '${letter}' in -${rest}`);
    else {
      set(flag, following);
      return 1;
    }
    return 0;
  }
  return 0;
}

function assign(parsed: Parsed, byName: Map<string, Flag>, flag: Flag, value: string): void {
  if (flag.name === "help") {
    if (/^(1|t|true)$/i.test(value)) throw new HelpRequested();
    return;
  }
  try {
    flag.type.check?.(value);
  } catch (error) {
    const shown = flag.short === undefined ? `--${flag.name}` : `-${flag.short}, --${flag.name}`;
    throw new FlagError(`invalid argument ${JSON.stringify(value)} for "${shown}" flag: ${(error as Error).message}`);
  }
  if (flag.deprecated !== undefined) parsed.notices.push(`Flag --${flag.name} has been deprecated, ${flag.deprecated}`);
  parsed.set(byName.get(flag.aliasOf ?? flag.name) ?? flag, value);
}
