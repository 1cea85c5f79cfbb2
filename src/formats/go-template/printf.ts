import { isMap, printNumber, printValue, sortedKeys, typeName, type Value } from "./print-value.ts";

/** Widest field that is padded; Go refuses more. */
const MAX_WIDTH = 1_000_000;

/** Go's fmt.Sprintf with the verbs %v %+v %#v %s %q %d %x %X %o %b %c %t %f %e %g %T %%, flags, width and precision. */
export function sprintf(format: string, args: readonly Value[]): string {
  let next = 0;
  const text = format.replace(
    /%([-+# 0]*)(\d+|\*)?(?:\.(\d+)?)?([a-zA-Z%]|$|.)/gs,
    (whole: string, flags: string, width: string | undefined, precision: string | undefined, verb: string) => {
      if (verb === "%") return "%";
      if (verb === "") return "%!(NOVERB)";
      const columns = width === "*" ? Number(args[next++]) : Number(width ?? 0);
      if (next >= args.length) return `%!${verb}(MISSING)`;
      const hasPoint = whole.includes(".");
      const digits = precision === undefined ? (hasPoint ? 0 : undefined) : Number(precision);
      return pad(formatOne(verb, args[next++], flags, digits), Math.min(columns, MAX_WIDTH), flags, verb);
    },
  );
  if (next >= args.length) return text;
  return `${text}%!(EXTRA ${args
    .slice(next)
    .map((arg) => `${typeName(arg)}=${printValue(arg)}`)
    .join(", ")})`;
}

function pad(text: string, width: number, flags: string, verb: string): string {
  if (flags.includes("-")) return text.padEnd(width);
  if (!flags.includes("0") || "sqvTt".includes(verb)) return text.padStart(width);
  const sign = /^[+-]/.exec(text)?.[0] ?? "";
  return sign + text.slice(sign.length).padStart(width - sign.length, "0");
}

function formatOne(verb: string, value: Value, flags: string, precision: number | undefined): string {
  const bad = () =>
    `%!${verb}(${typeName(value)}${value === null || value === undefined ? "" : `=${printValue(value)}`})`;
  switch (verb) {
    case "v":
      return flags.includes("#") ? goSyntax(value) : printValue(value ?? null);
    case "s":
      return formatString(value, precision, bad);
    case "q":
      if (Array.isArray(value)) return `[${value.map((item) => quote(String(item))).join(" ")}]`;
      if (typeof value === "string") return quote(value);
      return Number.isInteger(value) ? `'${String.fromCodePoint(value as number)}'` : bad();
    case "t":
      return typeof value === "boolean" ? String(value) : bad();
    case "T":
      return typeName(value);
    case "c":
      return Number.isInteger(value) ? String.fromCodePoint(value as number) : bad();
    case "d":
    case "b":
    case "o":
      if (Array.isArray(value)) return `[${value.map((item) => formatOne(verb, item, flags, precision)).join(" ")}]`;
      return isWhole(value) ? sign(value.toString(verb === "d" ? 10 : verb === "b" ? 2 : 8), flags) : bad();
    case "x":
    case "X":
      return formatHex(value, verb, flags, bad);
    case "f":
    case "F":
    case "e":
    case "g":
      return typeof value === "number" && !isPlainInteger(value)
        ? sign(formatFloat(verb, value, precision), flags)
        : bad();
    default:
      return bad();
  }
}

/** JSON does not keep ints and floats apart; a whole number is an int, as Docker's fields are. */
function isPlainInteger(value: number): boolean {
  return Number.isInteger(value);
}

function isWhole(value: Value): value is number | bigint {
  return typeof value === "bigint" || Number.isInteger(value);
}

function sign(text: string, flags: string): string {
  if (text.startsWith("-")) return text;
  return flags.includes("+") ? `+${text}` : flags.includes(" ") ? ` ${text}` : text;
}

function formatString(value: Value, precision: number | undefined, bad: () => string): string {
  if (value === null || value === undefined) return "%!s(<nil>)";
  if (Array.isArray(value))
    return `[${value.map((item) => formatString(item, precision, () => `%!s(${typeName(item)}=${printValue(item)})`)).join(" ")}]`;
  if (isMap(value)) return printValue(value);
  if (typeof value !== "string") return bad();
  return precision === undefined ? value : Array.from(value).slice(0, precision).join("");
}

function formatHex(value: Value, verb: string, flags: string, bad: () => string): string {
  const prefix = flags.includes("#") ? `0${verb}` : "";
  let hex: string;
  if (typeof value === "string") hex = Buffer.from(value).toString("hex");
  else if (isWhole(value)) hex = value.toString(16);
  else return bad();
  return prefix + (verb === "X" ? hex.toUpperCase() : hex);
}

function formatFloat(verb: string, value: number, precision: number | undefined): string {
  if (verb === "f" || verb === "F") return value.toFixed(precision ?? 6);
  if (verb === "e") return value.toExponential(precision ?? 6).replace(/e([+-])(\d)$/, "e$10$2");
  return precision === undefined ? printNumber(value) : String(Number(value.toPrecision(Math.max(precision, 1))));
}

/** Go's strconv.Quote. */
export function quote(text: string): string {
  return JSON.stringify(text)
    .replace(/\\b/g, "\\b")
    .replace(/\\u00([01][\da-f])/g, "\\x$1")
    .replace(/\u007f/g, "\\x7f");
}

function goSyntax(value: Value): string {
  if (typeof value === "string") return quote(value);
  if (Array.isArray(value)) return `[]interface {}{${value.map(goSyntax).join(", ")}}`;
  if (isMap(value))
    return `map[string]interface {}{${sortedKeys(value)
      .map((key) => `${quote(key)}:${goSyntax(value[key])}`)
      .join(", ")}}`;
  return printValue(value ?? null);
}
