import { DockerfileError } from "./dockerfile-error.ts";
import { withSuggestion } from "./suggest.ts";

/** `many`: may be given more than once. */
export type FlagKind = "bool" | "string" | "many";

export interface Flags {
  string(name: string): string | undefined;
  bool(name: string): boolean | undefined;
  many(name: string): string[];
}

/** `--name=value` words by the table of an instruction. @see BuildKit frontend/dockerfile/instructions/bflag.go */
export function parseFlags(written: string[], table: Record<string, FlagKind>): Flags {
  const values = new Map<string, string[]>();
  for (const flag of written) {
    const equals = flag.indexOf("=");
    const name = flag.slice(2, equals < 0 ? undefined : equals);
    const kind = Object.hasOwn(table, name) ? table[name] : undefined;
    if (kind === undefined)
      throw new DockerfileError(withSuggestion(`unknown flag: --${name}`, name, Object.keys(table)));
    const before = values.get(name);
    if (before !== undefined && kind !== "many") throw new DockerfileError(`duplicate flag specified: --${name}`);
    const value = valueOf(flag, { name, kind, equals });
    if (before === undefined) values.set(name, [value]);
    else before.push(value);
  }
  const first = (name: string) => values.get(name)?.[0];
  return {
    string: first,
    bool: (name) => (first(name) === undefined ? undefined : first(name) === "true"),
    many: (name) => values.get(name) ?? [],
  };
}

function valueOf(flag: string, { name, kind, equals }: { name: string; kind: FlagKind; equals: number }): string {
  const value = equals < 0 ? "" : flag.slice(equals + 1);
  if (kind !== "bool") {
    if (equals < 0) throw new DockerfileError(`missing a value on flag: --${name}`);
    return value;
  }
  if (equals >= 0 && value === "") throw new DockerfileError(`missing a value on flag: --${name}`);
  const lower = value.toLowerCase();
  if (lower !== "" && lower !== "true" && lower !== "false")
    throw new DockerfileError(`expecting boolean value for flag --${name}, not: ${value}`);
  return lower === "" ? "true" : lower;
}
