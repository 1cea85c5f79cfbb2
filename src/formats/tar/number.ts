import { badTar, type TarTime } from "./entry.ts";

/** A numeric header field: octal digits, or GNU's base-256 (two's complement, marked by the first bit). */
export function parseField(field: Uint8Array, what: string): bigint {
  const [first = 0] = field;
  return (first & 0x80) === 0 ? parseOctal(field, what) : parseBase256(field);
}

/** The same where only a non-negative safe integer makes sense. */
export function parseCount(field: Uint8Array, what: string): number {
  return toCount(parseField(field, what), what);
}

export function toCount(value: bigint, what: string): number {
  if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) throw badTar(`${what} ${value} out of range`);
  return Number(value);
}

export function parseDecimal(text: string, what: string): number {
  if (!/^\d{1,20}$/.test(text)) throw badTar(`${what} is not a number`);
  return toCount(BigInt(text), what);
}

/** `-1.25`: seconds with a fraction of any length, cut at nanoseconds. */
export function parsePaxTime(text: string): TarTime {
  const match = /^(-?)(\d{1,18})(?:\.(\d*))?$/.exec(text);
  if (match === null) throw badTar("time is not a number");
  const [, sign, whole = "0", fraction = ""] = match;
  const nanoseconds = Number(fraction.slice(0, 9).padEnd(9, "0"));
  if (sign === "") return { seconds: BigInt(whole), nanoseconds };
  if (nanoseconds === 0) return { seconds: -BigInt(whole), nanoseconds: 0 };
  return { seconds: -BigInt(whole) - 1n, nanoseconds: 1_000_000_000 - nanoseconds };
}

export function formatPaxTime({ seconds, nanoseconds }: TarTime): string {
  if (nanoseconds === 0) return String(seconds);
  const negative = seconds < 0n;
  const whole = negative ? -(seconds + 1n) : seconds;
  const rest = negative ? 1_000_000_000 - nanoseconds : nanoseconds;
  return `${negative ? "-" : ""}${whole}.${String(rest).padStart(9, "0").replace(/0+$/, "")}`;
}

function parseOctal(field: Uint8Array, what: string): bigint {
  let start = 0;
  while (start < field.length && (field[start] === 0x20 || field[start] === 0)) start++;
  let end = start;
  let value = 0;
  for (; end < field.length; end++) {
    const digit = (field[end] as number) - 0x30;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  for (let index = end; index < field.length; index++) {
    if (field[index] === 0) break;
    if (field[index] !== 0x20) throw badTar(`${what} is not a number`);
  }
  return BigInt(value);
}

function parseBase256(field: Uint8Array): bigint {
  const negative = ((field[0] as number) & 0x40) !== 0;
  let value = BigInt((field[0] as number) & 0x7f);
  for (let index = 1; index < field.length; index++) value = (value << 8n) | BigInt(field[index] as number);
  return negative ? value - (1n << BigInt(field.length * 8 - 1)) : value;
}
