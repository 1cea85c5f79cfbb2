import { isMap, isTrue, printNumber, printValue, typeName, type Value } from "./print-value.ts";
import { sprintf } from "./printf.ts";

export type TemplateFunction = (...args: Value[]) => Value;

const text = (value: Value) => (typeof value === "string" ? value : printValue(value));

/** Go's and Docker's functions; `and` and `or` are done by the evaluator, which does not evaluate more than it needs. */
export const FUNCTIONS: Record<string, TemplateFunction> = {
  // Docker's own (docker/cli templates/templates.go)
  json: (value) => stringify(value),
  split: (value, separator) => text(value).split(text(separator)),
  join: (list, separator) => stringList(list, "join").join(text(separator)),
  title: (value) =>
    text(value).replace(
      /(^|[^\p{L}\p{N}_'])(\p{L})/gu,
      (_, before: string, letter: string) => before + letter.toUpperCase(),
    ),
  lower: (value) => text(value).toLowerCase(),
  upper: (value) => text(value).toUpperCase(),
  pad: (value, before, after) =>
    text(value) === "" ? "" : " ".repeat(whole(before)) + text(value) + " ".repeat(whole(after)),
  truncate: (value, length) => Array.from(text(value)).slice(0, whole(length)).join(""),
  table: (value) => value,
  println: (...args) => `${args.map(printValue).join(" ")}\n`,
  // Go's
  print: (...args) => printAll(args),
  printf: (format, ...args) => sprintf(text(format), args),
  len: (value) => length(value),
  index: (value, ...keys) => keys.reduce(indexOne, value),
  slice: (value, ...bounds) => slice(value, bounds),
  not: (value) => !isTrue(value),
  eq: (first, ...others) => {
    if (others.length === 0) throw new Error("missing argument for comparison");
    return others.some((other) => equal(first, other));
  },
  ne: (a, b) => !equal(a, b),
  lt: (a, b) => compare(a, b) < 0,
  le: (a, b) => compare(a, b) <= 0,
  gt: (a, b) => compare(a, b) > 0,
  ge: (a, b) => compare(a, b) >= 0,
  html: (...args) => printAll(args).replace(/[&<>"']/g, (character) => HTML[character] ?? character),
  js: (...args) => printAll(args).replace(/[\\'"<>&=\n\r\t]/g, (character) => JS[character] ?? character),
  urlquery: (...args) =>
    encodeURIComponent(printAll(args))
      .replace(/%20/g, "+")
      .replace(/[!'()*]/g, hexEscape),
};

const HTML: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;" };
const JS: Record<string, string> = {
  "\\": "\\\\",
  "'": "\\'",
  '"': '\\"',
  "<": "\\u003C",
  ">": "\\u003E",
  "&": "\\u0026",
  "=": "\\u003D",
  "\n": "\\u000A",
  "\r": "\\u000D",
  "\t": "\\u0009",
};

/** Names a template may call. */
export const FUNCTION_NAMES: ReadonlySet<string> = new Set([...Object.keys(FUNCTIONS), "and", "or", "call"]);

function hexEscape(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

/** fmt.Sprint: spaces only between operands neither of which is a string. */
function printAll(args: readonly Value[]): string {
  return args.reduce<string>((line, arg, index) => {
    const between = index > 0 && typeof arg !== "string" && typeof args[index - 1] !== "string" ? " " : "";
    return line + between + printValue(arg);
  }, "");
}

/** encoding/json without HTML escapes; integers beyond 2^53 stay as they are. */
export function stringify(value: Value): string {
  if (value === undefined) return "null";
  if (typeof value === "number") return printNumber(value);
  return JSON.stringify(value) ?? "null";
}

function stringList(value: Value, name: string): string[] {
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value))
    throw new Error(`wrong type for value; expected []string; got ${typeName(value)} in ${name}`);
  return value.map(text);
}

function whole(value: Value): number {
  if (!Number.isInteger(value)) throw new Error(`wrong type for value; expected int; got ${typeName(value)}`);
  return Math.max(0, value as number);
}

function length(value: Value): number {
  if (typeof value === "string") return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.length;
  if (isMap(value)) return Object.keys(value).length;
  if (value === null || value === undefined) throw new Error("len of nil pointer");
  throw new Error(`len of type ${typeName(value)}`);
}

function indexOne(value: Value, key: Value): Value {
  if (value === null || value === undefined) throw new Error("index of untyped nil");
  if (Array.isArray(value) || typeof value === "string") {
    if (!Number.isInteger(key)) throw new Error(`cannot index slice/array with type ${typeName(key)}`);
    const at = key as number;
    if (at < 0 || at >= value.length) throw new Error(`index out of range: ${at}`);
    return typeof value === "string" ? value.charCodeAt(at) : value[at];
  }
  if (!isMap(value)) throw new Error(`can't index item of type ${typeName(value)}`);
  if (typeof key !== "string") throw new Error(`value has type ${typeName(key)}; should be string`);
  if (Object.hasOwn(value, key)) return value[key];
  // Go gives the zero value of the element's type: "" for labels and the like, whose values are all strings.
  return Object.values(value).every((item) => typeof item === "string") ? "" : undefined;
}

function slice(value: Value, bounds: readonly Value[]): Value {
  if (value === null || value === undefined) throw new Error("slice of untyped nil");
  if (typeof value !== "string" && !Array.isArray(value))
    throw new Error(`can't slice item of type ${typeName(value)}`);
  const [from = 0, to = value.length] = bounds as number[];
  for (const bound of [from, to]) {
    if (!Number.isInteger(bound)) throw new Error(`cannot index slice/array with type ${typeName(bound)}`);
    if (bound < 0 || bound > value.length) throw new Error(`index out of range: ${bound}`);
  }
  if (from > to) throw new Error(`invalid slice index: ${from} > ${to}`);
  return value.slice(from, to);
}

function equal(a: Value, b: Value): boolean {
  const [left, right] = [a ?? null, b ?? null];
  if (left === null || right === null) return left === right;
  if (typeof left === "object" || typeof right === "object") throw new Error("non-comparable types for comparison");
  if (typeof left === "bigint" || typeof right === "bigint") return BigInt(left as number) === BigInt(right as number);
  if (typeof left !== typeof right) throw new Error("incompatible types for comparison");
  return left === right;
}

function compare(a: Value, b: Value): number {
  if (typeof a !== typeof b) throw new Error("incompatible types for comparison");
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "bigint" && typeof b === "bigint") return a < b ? -1 : a > b ? 1 : 0;
  if (typeof a === "string" && typeof b === "string") return Buffer.compare(Buffer.from(a), Buffer.from(b));
  throw new Error("invalid type for comparison");
}
