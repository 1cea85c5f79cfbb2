import { EngineError, invalid } from "../../base/errors.ts";

/** Nesting of manifests and configs; real ones need six. */
const MAX_DEPTH = 64;

export type JsonObject = Record<string, unknown>;

/**
 * Parses a document that somebody else wrote and whose digest is trusted more than its author. Refuses what two parsers could read
 * in two ways: duplicate keys, and nesting that exhausts a stack. `what` names it in the error.
 */
export function parseDocument(bytes: Uint8Array, limitBytes: number, what: string): JsonObject {
  if (bytes.length > limitBytes) throw invalid(`${what}: ${bytes.length} bytes exceed the limit of ${limitBytes}`);
  const value = parseStrict(bytes, what);
  if (!isObject(value)) throw invalid(`${what}: not a JSON object`);
  return value;
}

export function parseArrayDocument(bytes: Uint8Array, limitBytes: number, what: string): unknown[] {
  if (bytes.length > limitBytes) throw invalid(`${what}: ${bytes.length} bytes exceed the limit of ${limitBytes}`);
  const value = parseStrict(bytes, what);
  if (!Array.isArray(value)) throw invalid(`${what}: not a JSON array`);
  return value;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseStrict(bytes: Uint8Array, what: string): unknown {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw invalid(`${what}: not UTF-8`, { cause });
  }
  try {
    checkKeys(text);
    return JSON.parse(text);
  } catch (cause) {
    if (cause instanceof EngineError) throw invalid(`${what}: ${cause.message}`);
    throw invalid(`${what}: invalid JSON`, { cause });
  }
}

/** One pass over the tokens: depth, and the keys of each open object. Validity itself is left to JSON.parse. */
function checkKeys(text: string): void {
  const open: (Set<string> | undefined)[] = [];
  let index = 0;
  while (index < text.length) {
    const character = text[index];
    if (character === "{" || character === "[") {
      if (open.push(character === "{" ? new Set() : undefined) > MAX_DEPTH) throw invalid("nested too deeply");
    } else if (character === "}" || character === "]") {
      open.pop();
    } else if (character === '"') {
      const end = stringEnd(text, index);
      if (followedByColon(text, end)) addKey(open.at(-1), JSON.parse(text.slice(index, end)) as string);
      index = end;
      continue;
    }
    index++;
  }
}

function addKey(keys: Set<string> | undefined, key: string): void {
  if (keys?.has(key)) throw invalid(`duplicate key ${JSON.stringify(key)}`);
  keys?.add(key);
}

/** Index after the closing quote. */
function stringEnd(text: string, start: number): number {
  for (let index = start + 1; index < text.length; index++) {
    if (text[index] === "\\") index++;
    else if (text[index] === '"') return index + 1;
  }
  return text.length;
}

function followedByColon(text: string, index: number): boolean {
  while (index < text.length && " \t\n\r".includes(text[index] as string)) index++;
  return text[index] === ":";
}

// --- Typed access: each says which field was wrong. --------------------------------------------------------------------------

export function optionalString(object: JsonObject, key: string, what: string): string | undefined {
  const value = object[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") throw invalid(`${what}: ${key} is not a string`);
  return value;
}

export function optionalObject(object: JsonObject, key: string, what: string): JsonObject | undefined {
  const value = object[key];
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw invalid(`${what}: ${key} is not an object`);
  return value;
}

export function optionalArray(object: JsonObject, key: string, what: string, limit: number): unknown[] | undefined {
  const value = object[key];
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) throw invalid(`${what}: ${key} is not an array`);
  if (value.length > limit) throw invalid(`${what}: ${key} has ${value.length} entries, more than ${limit}`);
  return value;
}

export function stringArray(object: JsonObject, key: string, what: string, limit: number): string[] | null {
  const values = optionalArray(object, key, what, limit);
  if (values === undefined) return null;
  return values.map((value) => {
    if (typeof value !== "string") throw invalid(`${what}: ${key} holds something that is not a string`);
    return value;
  });
}

/** A map of strings without a prototype: keys such as `__proto__` are data. */
export function stringMap(object: JsonObject, key: string, what: string): Record<string, string> {
  const map = Object.create(null) as Record<string, string>;
  for (const [name, value] of Object.entries(optionalObject(object, key, what) ?? {})) {
    if (typeof value !== "string") throw invalid(`${what}: ${key}[${JSON.stringify(name)}] is not a string`);
    map[name] = value;
  }
  return map;
}
