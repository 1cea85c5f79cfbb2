import { invalid } from "../base/errors.ts";

/**
 * Reads the fields of a JSON object as Go's decoder does: names match in any case (the exact one wins), null and absent are the
 * zero value, a wrong type is refused with Go's own text. Never reads what the object inherits.
 */
export class Fields {
  readonly #type: string;
  readonly #values: Record<string, unknown>;
  #lowerCase: Map<string, unknown> | undefined;

  /** `type`: the Go type's name, for error texts. Throws invalid-argument when `value` is no object. */
  constructor(value: unknown, type: string) {
    if (value !== undefined && value !== null && (typeof value !== "object" || Array.isArray(value))) {
      throw invalid(`invalid JSON: json: cannot unmarshal ${kindOf(value)} into Go value of type ${type}`);
    }
    this.#type = type;
    this.#values = (value ?? {}) as Record<string, unknown>;
  }

  /** The raw value; undefined where it is absent or null. */
  raw(name: string): unknown {
    if (Object.hasOwn(this.#values, name)) return this.#values[name] ?? undefined;
    this.#lowerCase ??= new Map(Object.entries(this.#values).map(([key, value]) => [key.toLowerCase(), value]));
    return this.#lowerCase.get(name.toLowerCase()) ?? undefined;
  }

  string(name: string): string {
    return this.#checked(name, "string", isString) ?? "";
  }

  bool(name: string): boolean {
    return this.#checked(name, "bool", isBoolean) ?? false;
  }

  optionalBool(name: string): boolean | undefined {
    return this.#checked(name, "bool", isBoolean);
  }

  int(name: string): number {
    return this.optionalInt(name) ?? 0;
  }

  optionalInt(name: string): number | undefined {
    return this.#checked(name, "int64", isInteger);
  }

  /** undefined where absent or null; a single string is a list of one, as Docker takes it for commands. */
  optionalStrings(name: string): string[] | undefined {
    const value = this.raw(name);
    if (typeof value === "string") return [value];
    return this.#checked(name, "[]string", isStrings);
  }

  strings(name: string): string[] {
    return this.#checked(name, "[]string", isStrings) ?? [];
  }

  /** Own keys only, in the given order. */
  stringMap(name: string): Record<string, string> {
    return this.#checked(name, "map[string]string", isStringMap) ?? {};
  }

  /** Keys of a set that is written as an object with empty values. */
  keys(name: string): string[] {
    return Object.keys(this.#checked(name, "map[string]struct {}", isObject) ?? {});
  }

  entries(name: string): [string, unknown][] {
    return Object.entries(this.#checked(name, "map[string]interface {}", isObject) ?? {});
  }

  list(name: string): unknown[] {
    return this.#checked(name, "[]interface {}", isList) ?? [];
  }

  /** The nested object, empty where absent. */
  object(name: string, type: string): Fields {
    return new Fields(this.#checked(name, type, isObject), type);
  }

  has(name: string): boolean {
    return this.raw(name) !== undefined;
  }

  #checked<T>(name: string, type: string, is: (value: unknown) => value is T): T | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    if (is(value)) return value;
    throw invalid(
      `invalid JSON: json: cannot unmarshal ${kindOf(value)} into Go struct field ${this.#type}.${name} of type ${type}`,
    );
  }
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "array";
  if (typeof value === "boolean") return "bool";
  return typeof value;
}

const isString = (value: unknown): value is string => typeof value === "string";
const isBoolean = (value: unknown): value is boolean => typeof value === "boolean";
const isInteger = (value: unknown): value is number => Number.isSafeInteger(value);
const isList = (value: unknown): value is unknown[] => Array.isArray(value);
const isStrings = (value: unknown): value is string[] => Array.isArray(value) && value.every(isString);

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isStringMap(value: unknown): value is Record<string, string> {
  return isObject(value) && Object.values(value).every(isString);
}
