/** Reads JSON that anybody may have pushed: a value of the wrong type is as good as a missing one. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** More than any image has layers or any repository tags; a longer list is cut, so that a hostile document cannot stop the page. */
const LIST_ITEMS = 20_000;
/** Characters of one text that are shown. */
const TEXT_CHARACTERS = 8_000;

export function object(value: unknown): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value.slice(0, LIST_ITEMS) : [];
}

export function text(value: unknown): string {
  if (typeof value !== "string") return "";
  return value.length > TEXT_CHARACTERS ? `${value.slice(0, TEXT_CHARACTERS)}…` : value;
}

/** A count of bytes: a whole number that is not negative, else 0. */
export function bytes(value: unknown): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}

export function texts(value: unknown): string[] {
  return list(value)
    .filter((item): item is string => typeof item === "string")
    .map(text);
}

/** Names and texts of an object, sorted by name: labels, annotations. */
export function pairs(value: unknown): [name: string, value: string][] {
  return Object.entries(object(value))
    .slice(0, LIST_ITEMS)
    .map(([name, item]): [string, string] => [text(name), text(item)])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}
