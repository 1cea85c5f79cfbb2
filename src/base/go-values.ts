/** Go's strconv.ParseBool. */
export function parseBool(text: string): boolean {
  if (["1", "t", "T", "true", "TRUE", "True"].includes(text)) return true;
  if (["0", "f", "F", "false", "FALSE", "False"].includes(text)) return false;
  throw new Error(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
}

/** A whole number of `bits` bits, in Go's notation (base prefixes, underscores are not needed). Errors are strconv's words. */
export function parseInteger(text: string, options: { bits: 16 | 32 | 64; signed: boolean }): number {
  const fail = (why: string) =>
    new Error(`strconv.Parse${options.signed ? "Int" : "Uint"}: parsing ${JSON.stringify(text)}: ${why}`);
  if (
    !(
      options.signed ? /^[+-]?(0x[\da-f]+|0b[01]+|0o?[0-7]+|[1-9]\d*|0)$/i : /^(0x[\da-f]+|0o?[0-7]+|[1-9]\d*|0)$/i
    ).test(text)
  ) {
    throw fail("invalid syntax");
  }
  const digits = text.replace(/^[+-]/, "").replace(/^0(?=\d)/, "0o");
  const value = BigInt(digits) * (text.startsWith("-") ? -1n : 1n);
  const limit = 1n << BigInt(options.signed ? options.bits - 1 : options.bits);
  if (value >= limit || value < (options.signed ? -limit : 0n)) throw fail("value out of range");
  return Number(value);
}

const DURATION_NS: Record<string, number> = { ns: 1, us: 1e3, µs: 1e3, μs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/** Go's time.ParseDuration, in nanoseconds: `1m30s`, `1.5h`, `-2ms`, `0`. */
export function parseDuration(text: string): number {
  const quoted = JSON.stringify(text);
  const sign = text.startsWith("-") ? -1 : 1;
  let rest = text.replace(/^[+-]/, "");
  if (rest === "0") return 0;
  if (rest === "") throw new Error(`time: invalid duration ${quoted}`);
  let total = 0;
  while (rest !== "") {
    const match = /^(\d+\.?\d*|\.\d+)([^\d.]*)/.exec(rest);
    if (match === null) throw new Error(`time: invalid duration ${quoted}`);
    const unit = match[2] ?? "";
    if (unit === "") throw new Error(`time: missing unit in duration ${quoted}`);
    const ns = DURATION_NS[unit];
    if (ns === undefined) throw new Error(`time: unknown unit ${JSON.stringify(unit)} in duration ${quoted}`);
    total += Number(match[1]) * ns;
    rest = rest.slice(match[0].length);
  }
  return sign * Math.round(total);
}

const BINARY: Record<string, number> = { k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4, p: 1024 ** 5 };

/** Docker's RAMInBytes: `512m`, `1.5GiB`, `64kb`, `100`; units are powers of 1024. */
export function parseBytes(text: string): number {
  const at = lastIndexOfAny(text, "0123456789. ");
  if (at === -1) throw new Error(`invalid size: '${text}'`);
  const number = text[at] === " " ? text.slice(0, at) : text.slice(0, at + 1);
  const suffix = text.slice(at + 1);
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(number)) {
    throw new Error(`strconv.ParseFloat: parsing ${JSON.stringify(number)}: invalid syntax`);
  }
  const value = Number(number);
  if (value < 0) throw new Error(`invalid size: '${text}'`);
  if (suffix === "") return Math.trunc(value);
  const lower = suffix.length > 3 ? suffix : suffix.toLowerCase();
  if (lower === "b") return Math.trunc(value);
  const match = /^([kmgtp])(b|ib)?$/.exec(lower);
  if (match === null) throw new Error(`invalid suffix: '${lower}'`);
  return Math.trunc(value * (BINARY[match[1] ?? ""] ?? 1));
}

function lastIndexOfAny(text: string, characters: string): number {
  for (let at = text.length - 1; at >= 0; at--) if (characters.includes(text[at] ?? "")) return at;
  return -1;
}

/** `--cpus 1.5` in billionths of a CPU. A ratio (`1/2`) counts too, as Go's big.Rat reads it. */
export function parseNanoCpus(text: string): number {
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)(?:\/(\d+))?$/i.exec(text);
  if (match === null || match[2] === "0") throw new Error(`failed to parse ${text} as a rational number`);
  const nano = (Number(match[1]) * 1e9) / Number(match[2] ?? 1);
  if (Math.abs(nano - Math.round(nano)) > 1e-6) throw new Error("value is too precise");
  return Math.round(nano);
}
