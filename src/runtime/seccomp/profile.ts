import { invalid, messageOf } from "../../base/errors.ts";

/** Docker's profile format: the OCI runtime's seccomp section with conditions on capabilities, architecture and kernel. */
export interface SeccompProfile {
  defaultAction: string;
  defaultErrnoRet?: number;
  architectures?: string[];
  archMap?: { architecture: string; subArchitectures: string[] | null }[];
  flags?: string[];
  syscalls: SyscallGroup[];
}

export interface SyscallGroup {
  names: string[];
  action: string;
  errnoRet?: number;
  args: ArgumentTest[];
  includes: Conditions;
  excludes: Conditions;
}

export interface ArgumentTest {
  index: number;
  value: bigint;
  /** Of MASKED_EQ: what the masked argument is compared with; `value` is the mask. */
  valueTwo: bigint;
  op: Operator;
}

export interface Conditions {
  caps: string[];
  arches: string[];
  minKernel?: { major: number; minor: number };
}

export const OPERATORS = ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"] as const;
export type Operator = (typeof OPERATORS)[number];

export const MAX_PROFILE_BYTES = 1024 * 1024;

/** Throws invalid-argument in Docker's words. */
export function parseProfile(text: string): SeccompProfile {
  if (text.length > MAX_PROFILE_BYTES) throw invalid(`seccomp profile is larger than ${MAX_PROFILE_BYTES} bytes`);
  let document: unknown;
  try {
    // Values reach 2^64-1: numbers that a double cannot hold come as bigint.
    document = JSON.parse(text, (_, value: unknown, context?: { source?: string }) => {
      const isInexact = typeof value === "number" && !Number.isSafeInteger(value);
      return isInexact && /^\d+$/.test(context?.source ?? "") ? BigInt(context?.source ?? 0) : value;
    });
  } catch (error) {
    throw invalid(`Decoding seccomp profile failed: ${messageOf(error)}`);
  }
  return readProfile(record(document, "profile"));
}

/** The same checks for a document that is at hand as a value. */
export function readProfile(profile: Record<string, unknown>): SeccompProfile {
  const architectures = optional(profile["architectures"], strings);
  const archMap = optional(profile["archMap"], (value) => list(value, "archMap").map(readArchitecture));
  if (architectures?.length && archMap?.length) {
    throw invalid(
      "both 'architectures' and 'archMap' are specified in the seccomp profile, use either 'architectures' or 'archMap'",
    );
  }
  const defaultErrnoRet = optional(profile["defaultErrnoRet"], (value) => integer(value, "defaultErrnoRet"));
  const flags = optional(profile["flags"], strings);
  return {
    defaultAction: string(profile["defaultAction"], "defaultAction"),
    ...(defaultErrnoRet === undefined ? {} : { defaultErrnoRet }),
    ...(architectures === undefined ? {} : { architectures }),
    ...(archMap === undefined ? {} : { archMap }),
    ...(flags === undefined ? {} : { flags }),
    syscalls: (optional(profile["syscalls"], (value) => list(value, "syscalls")) ?? []).map(readGroup),
  };
}

function readArchitecture(value: unknown): { architecture: string; subArchitectures: string[] | null } {
  const entry = record(value, "archMap");
  return {
    architecture: string(entry["architecture"], "architecture"),
    subArchitectures: optional(entry["subArchitectures"], strings) ?? null,
  };
}

function readGroup(value: unknown): SyscallGroup {
  const group = record(value, "syscall");
  const name = optional(group["name"], (given) => string(given, "name"));
  const names = optional(group["names"], strings);
  if (name && names?.length) {
    throw invalid("'name' and 'names' were specified in the seccomp profile, use either 'name' or 'names'");
  }
  const errnoRet = optional(group["errnoRet"], (given) => integer(given, "errnoRet"));
  return {
    names: name ? [name] : (names ?? []),
    action: string(group["action"], "action"),
    ...(errnoRet === undefined ? {} : { errnoRet }),
    args: (optional(group["args"], (given) => list(given, "args")) ?? []).map(readArgument),
    includes: readConditions(group["includes"]),
    excludes: readConditions(group["excludes"]),
  };
}

function readArgument(value: unknown): ArgumentTest {
  const argument = record(value, "arg");
  const index = integer(argument["index"], "index");
  if (index > 5) throw invalid(`invalid seccomp argument index: ${index}`);
  const name = string(argument["op"], "op");
  const op = OPERATORS.find((known) => name === `SCMP_CMP_${known}`);
  if (op === undefined) throw invalid(`invalid seccomp operator: ${JSON.stringify(name)}`);
  return { index, op, value: word(argument["value"]), valueTwo: word(argument["valueTwo"]) };
}

function readConditions(value: unknown): Conditions {
  const conditions = optional(value, (given) => record(given, "conditions")) ?? {};
  const minKernel = optional(conditions["minKernel"], (given) => string(given, "minKernel"));
  return {
    caps: optional(conditions["caps"], strings) ?? [],
    arches: optional(conditions["arches"], strings) ?? [],
    ...(minKernel ? { minKernel: readKernel(minKernel) } : {}),
  };
}

function readKernel(text: string): { major: number; minor: number } {
  const match = /^(\d{1,4})\.(\d{1,4})$/.exec(text);
  if (match === null) throw invalid(`invalid kernel version: ${JSON.stringify(text)}: expected '<kernel>.<major>'`);
  return { major: Number(match[1]), minor: Number(match[2]) };
}

// --- values of unknown shape --------------------------------------------------------------------------------------------------

/** Go reads null as the zero value. */
function optional<T>(value: unknown, read: (value: unknown) => T): T | undefined {
  return value === undefined || value === null ? undefined : read(value);
}

function wrong(what: string): never {
  throw invalid(`Decoding seccomp profile failed: invalid value for ${what}`);
}

function record(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) wrong(what);
  return value as Record<string, unknown>;
}

function list(value: unknown, what: string): unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : wrong(what);
}

function string(value: unknown, what: string): string {
  return typeof value === "string" ? value : wrong(what);
}

function strings(value: unknown): string[] {
  return list(value, "list of names").map((item) => string(item, "list of names"));
}

function integer(value: unknown, what: string): number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 32 ? value : wrong(what);
}

function word(value: unknown): bigint {
  if (value === undefined || value === null) return 0n;
  const number =
    typeof value === "bigint"
      ? value
      : typeof value === "number" && Number.isInteger(value)
        ? BigInt(value)
        : wrong("value");
  return number < 0n || number >= 1n << 64n ? wrong("value") : number;
}
