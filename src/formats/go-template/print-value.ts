/** What templates work on: JSON values, and functions as the methods of an object. */
export type Value = unknown;

export function isMap(value: Value): value is Record<string, Value> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Own data keys, sorted as Go prints and ranges over maps; methods are left out. */
export function sortedKeys(map: Record<string, Value>): string[] {
  return Object.keys(map)
    .filter((key) => typeof map[key] !== "function")
    .toSorted();
}

/** Go's `%v`: `map[a:1 b:[x y]]`, `<nil>`; whole numbers without a fraction. */
export function printValue(value: Value): string {
  if (value === undefined) return "<no value>";
  if (value === null) return "<nil>";
  if (typeof value === "number") return printNumber(value);
  if (Array.isArray(value)) return `[${value.map(printValue).join(" ")}]`;
  if (isMap(value))
    return `map[${sortedKeys(value)
      .map((key) => `${key}:${printValue(value[key])}`)
      .join(" ")}]`;
  return typeof value === "string" ? value : `${value as boolean | bigint}`;
}

/** Go's `%v` of an int, or of a float64: exponents from 1e21 and below 1e-4. */
export function printNumber(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e21) return String(value);
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
  const magnitude = Math.abs(value);
  if (magnitude >= 1e-4 && magnitude < 1e21) return String(value);
  return value.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
}

/** Go's name of the type, for messages. */
export function typeName(value: Value): string {
  if (value === null || value === undefined) return "<nil>";
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float64";
  if (typeof value === "boolean") return "bool";
  if (Array.isArray(value)) return "[]interface {}";
  return isMap(value) ? "map[string]interface {}" : typeof value;
}

/** Go's truth: false, 0, "", nil and whatever is empty are not true. */
export function isTrue(value: Value): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (isMap(value)) return Object.keys(value).length > 0;
  return Boolean(value);
}
