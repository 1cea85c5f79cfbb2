import { splitCsv } from "../../base/csv.ts";
import { messageOf } from "../../base/errors.ts";
import { parseBool, parseBytes } from "../../base/go-values.ts";
import { DockerfileError } from "./dockerfile-error.ts";
import type { RunMount } from "./instructions.ts";
import { withSuggestion } from "./suggest.ts";

type MountType = RunMount["type"];

const TYPES: readonly MountType[] = ["bind", "cache", "tmpfs", "secret", "ssh"];
const SHARINGS: readonly RunMount["sharing"][] = ["shared", "private", "locked"];
const KEYS =
  "type from source target readonly id sharing required size mode uid gid src dst destination ro rw readwrite env".split(
    " ",
  );

/** What was given, before it is known which type it has to fit. */
type Given = Omit<RunMount, "readOnly" | "sharing"> & {
  readOnly: boolean | undefined;
  sharing: RunMount["sharing"] | undefined;
};

/**
 * One `--mount` of RUN. `expand` replaces variables; every value may have them but `from`, since the stages that are needed must
 * be known before anything runs. Throws DockerfileError with BuildKit's words.
 * @see BuildKit frontend/dockerfile/instructions/commands_runmount.go `parseMount`
 */
export function parseRunMount(written: string, expand: (word: string) => string): RunMount {
  const given = emptyMount();
  for (const field of fieldsOf(written)) {
    const { key, value } = splitField(field);
    if (value === undefined) bareKey(given, key, field);
    else setKey(given, { key, field, value: key === "from" ? withoutVariables(value) : expand(value) });
  }
  validate(given);
  const readOnly = given.readOnly ?? !(given.type === "cache" || given.type === "tmpfs");
  return { ...given, readOnly, sharing: given.sharing ?? "shared" };
}

/** What can be told before any variable is known: the form of the fields, and that `from` has none. */
export function checkRunMount(written: string): void {
  for (const field of fieldsOf(written)) {
    const { key, value } = splitField(field);
    if (key === "from" && value !== undefined) withoutVariables(value);
  }
}

function emptyMount(): Given {
  return {
    type: "bind",
    target: "",
    source: "",
    from: "",
    readOnly: undefined,
    id: "",
    sharing: undefined,
    required: false,
    env: undefined,
    sizeBytes: undefined,
    mode: undefined,
    uid: undefined,
    gid: undefined,
  };
}

function fieldsOf(written: string): string[] {
  try {
    return splitCsv(written);
  } catch (error) {
    throw new DockerfileError(`failed to parse csv mounts: ${messageOf(error)}`, undefined, { cause: error });
  }
}

function splitField(field: string): { key: string; value: string | undefined } {
  const equals = field.indexOf("=");
  if (equals < 0) return { key: field.toLowerCase(), value: undefined };
  return { key: field.slice(0, equals).toLowerCase(), value: field.slice(equals + 1) };
}

function withoutVariables(value: string): string {
  if (/\$./.test(value))
    throw new DockerfileError("'from' doesn't support variable expansion, define alias stage instead");
  return value;
}

function bareKey(given: Given, key: string, field: string): void {
  if (key === "readonly" || key === "ro") given.readOnly = true;
  else if (key === "readwrite" || key === "rw") given.readOnly = false;
  else if (key === "required") given.required = onlyFor(given, key, ["secret", "ssh"]);
  else throw new DockerfileError(`invalid field '${field}' must be a key=value pair`);
}

function setKey(given: Given, { key, field, value }: { key: string; field: string; value: string }): void {
  switch (key) {
    case "type":
      given.type = oneOf(value, TYPES, `unsupported mount type ${JSON.stringify(value)}`);
      break;
    case "from":
      given.from = value;
      break;
    case "source":
    case "src":
      given.source = value;
      break;
    case "target":
    case "dst":
    case "destination":
      given.target = value;
      break;
    case "readonly":
    case "ro":
      given.readOnly = bool(key, value);
      break;
    case "readwrite":
    case "rw":
      given.readOnly = !bool(key, value);
      break;
    case "required":
      onlyFor(given, key, ["secret", "ssh"]);
      given.required = bool(key, value);
      break;
    case "size":
      onlyFor(given, key, ["tmpfs"]);
      given.sizeBytes = goValue(key, value, parseBytes);
      break;
    case "id":
      given.id = value;
      break;
    case "sharing":
      given.sharing = oneOf(value, SHARINGS, `unsupported sharing value ${JSON.stringify(value)}`);
      break;
    case "mode":
    case "uid":
    case "gid":
      given[key] = uint32(key, value);
      break;
    case "env":
      given.env = value;
      break;
    default:
      throw new DockerfileError(withSuggestion(`unexpected key '${key}' in '${field}'`, key, KEYS));
  }
}

function validate(given: Given): void {
  const fileInfo = ["secret", "ssh", "cache"].includes(given.type);
  for (const key of ["mode", "uid", "gid"] as const)
    if (!fileInfo && given[key] !== undefined)
      throw new DockerfileError(`${key} not allowed for ${JSON.stringify(given.type)} type mounts`);
  if (given.type === "secret") {
    if (given.from !== "") throw new DockerfileError("secret mount should not have a from");
    if (given.sharing !== undefined) throw new DockerfileError("secret mount should not define sharing");
    if (given.source === "" && given.target === "" && given.id === "")
      throw new DockerfileError("invalid secret mount. one of source, target required");
    if (given.source !== "" && given.id !== "") throw new DockerfileError("both source and id can't be set");
  }
  if (given.sharing !== undefined && given.type !== "cache")
    throw new DockerfileError(`invalid cache sharing set for ${given.type} mount`);
}

function onlyFor(given: Given, key: string, types: MountType[]): true {
  if (!types.includes(given.type)) throw new DockerfileError(`unexpected key '${key}' for mount type '${given.type}'`);
  return true;
}

function oneOf<T extends string>(value: string, known: readonly T[], problem: string): T {
  const found = known.find((item) => item === value.toLowerCase());
  if (found === undefined) throw new DockerfileError(withSuggestion(problem, value, known));
  return found;
}

function bool(key: string, value: string): boolean {
  return goValue(key, value, parseBool);
}

function goValue<T>(key: string, value: string, parse: (text: string) => T): T {
  try {
    return parse(value);
  } catch (error) {
    throw new DockerfileError(`invalid value for ${key}: ${value}`, undefined, { cause: error });
  }
}

function uint32(key: "mode" | "uid" | "gid", value: string): number {
  const base = key === "mode" ? 8 : 10;
  const number = (base === 8 ? /^[0-7]+$/ : /^\d+$/).test(value) ? Number.parseInt(value, base) : Number.NaN;
  if (!(number < 2 ** 32)) throw new DockerfileError(`invalid value ${value} for ${key}`);
  return number;
}
