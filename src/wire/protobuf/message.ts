import {
  type BinaryReader,
  type BinaryWriter,
  WireType,
  BinaryReader as Reader,
  BinaryWriter as Writer,
} from "@bufbuild/protobuf/wire";
import { invalid, messageOf } from "../../base/errors.ts";

/**
 * Protocol Buffers (proto3) by tables: `message({ path: string(1), sizes: repeated(2, INT64) })` is a codec, and
 * `MessageOf<typeof X>` its type. Absent is the zero value, of a nested message undefined. Maps become `Map`: their keys are the
 * peer's, so none of them may reach a prototype. Unknown fields are passed over.
 * @see https://protobuf.dev/programming-guides/encoding/
 */
export interface Codec<T> {
  wireType: WireType;
  zero: T;
  isZero(value: T): boolean;
  read(reader: BinaryReader): T;
  write(writer: BinaryWriter, value: T): void;
}

export interface Field<T> {
  number: number;
  initial(): T;
  /** What the field is after one more occurrence of it on the wire. */
  read(reader: BinaryReader, wireType: WireType, before: T): T;
  write(writer: BinaryWriter, value: T): void;
}

export interface Message<T> extends Codec<T | undefined> {
  /** Every field at its zero value, but for what is given. */
  create(values?: Partial<T>): T;
  encode(values: Partial<T>): Uint8Array;
  /** Throws invalid-argument where the bytes are no such message. Bytes fields are views of `bytes`. */
  decode(bytes: Uint8Array): T;
}

export type MessageOf<M> = M extends Message<infer T> ? T : never;

type FieldTable = Record<string, Field<never>>;
type Values<F> = { [K in keyof F]: F[K] extends Field<infer T> ? T : never };

function scalar<T>(wireType: WireType, zero: T, codec: Pick<Codec<T>, "read" | "write">): Codec<T> {
  return { wireType, zero, isZero: (value) => value === zero, ...codec };
}

export const STRING = scalar<string>(WireType.LengthDelimited, "", {
  // Strict: what is no UTF-8 is refused.
  read: (reader) => reader.string(true),
  write: (writer, value) => void writer.string(value),
});

export const BYTES: Codec<Uint8Array> = {
  wireType: WireType.LengthDelimited,
  zero: new Uint8Array(0),
  isZero: (value) => value.byteLength === 0,
  read: (reader) => reader.bytes(),
  write: (writer, value) => void writer.bytes(value),
};

export const BOOL = scalar<boolean>(WireType.Varint, false, {
  read: (reader) => reader.bool(),
  write: (writer, value) => void writer.bool(value),
});

export const INT32 = scalar<number>(WireType.Varint, 0, {
  read: (reader) => reader.int32(),
  write: (writer, value) => void writer.int32(value),
});

export const UINT32 = scalar<number>(WireType.Varint, 0, {
  read: (reader) => reader.uint32(),
  write: (writer, value) => void writer.uint32(value),
});

/** Beyond 2^53: refused. For times in nanoseconds there is BIGINT64. */
export const INT64 = scalar<number>(WireType.Varint, 0, {
  read(reader) {
    const number = Number(reader.int64());
    if (!Number.isSafeInteger(number)) throw new RangeError("a number is too large");
    return number;
  },
  write: (writer, value) => void writer.int64(value),
});

export const BIGINT64 = scalar<bigint>(WireType.Varint, 0n, {
  read: (reader) => BigInt(reader.int64()),
  write: (writer, value) => void writer.int64(value),
});

export function field<T>(number: number, codec: Codec<T>): Field<T> {
  return {
    number,
    initial: () => codec.zero,
    read: (reader, wireType) => {
      requireType(wireType, codec.wireType);
      return codec.read(reader);
    },
    write(writer, value) {
      if (codec.isZero(value)) return;
      writer.tag(number, codec.wireType);
      codec.write(writer, value);
    },
  };
}

export const string = (number: number) => field(number, STRING);
export const bool = (number: number) => field(number, BOOL);
export const bytes = (number: number) => field(number, BYTES);
export const int64 = (number: number) => field(number, INT64);
export const int32 = (number: number) => field(number, INT32);
export const uint32 = (number: number) => field(number, UINT32);

/** Numbers may come packed, as proto3 does by default, or one by one. */
export function repeated<T>(number: number, codec: Codec<T>): Field<NonNullable<T>[]> {
  return {
    number,
    initial: () => [],
    read(reader, wireType, before) {
      if (wireType !== WireType.LengthDelimited || codec.wireType === WireType.LengthDelimited) {
        requireType(wireType, codec.wireType);
        before.push(codec.read(reader) as NonNullable<T>);
        return before;
      }
      const end = reader.uint32() + reader.pos;
      if (end > reader.len) throw new RangeError("a packed field ends beyond its message");
      while (reader.pos < end) before.push(codec.read(reader) as NonNullable<T>);
      return before;
    },
    write(writer, values) {
      for (const value of values) {
        writer.tag(number, codec.wireType);
        codec.write(writer, value);
      }
    },
  };
}

export function map<T>(number: number, codec: Codec<T>): Field<Map<string, NonNullable<T>>> {
  const entry = message({ key: string(1), value: field(2, codec) });
  return {
    number,
    initial: () => new Map(),
    read(reader, wireType, before) {
      requireType(wireType, WireType.LengthDelimited);
      const { key, value } = entry.decode(reader.bytes());
      if (value !== undefined && value !== null) before.set(key, value);
      return before;
    },
    write(writer, values) {
      for (const [key, value] of values)
        writer.tag(number, WireType.LengthDelimited).bytes(entry.encode({ key, value }));
    },
  };
}

export function message<F extends { [K in keyof F]: Field<never> | Field<unknown> }>(fields: F): Message<Values<F>> {
  const table = fields as unknown as FieldTable;
  const entries = Object.entries(table) as [string, Field<unknown>][];
  const scalars = Object.fromEntries(entries.map(([name, one]) => [name, one.initial()]));
  const containers = entries.filter(([name]) => isContainer(scalars[name]));
  const byNumber = new Map(entries.map(([name, one]) => [one.number, [name, one] as const]));

  /** One object literal and what has to be new in it: fifty thousand files are as many messages. */
  function blank(): Values<F> {
    const result: Record<string, unknown> = { ...scalars };
    for (const [name, one] of containers) result[name] = one.initial();
    return result as Values<F>;
  }
  function create(values: Partial<Values<F>> = {}): Values<F> {
    return { ...blank(), ...values };
  }
  function encode(values: Partial<Values<F>>): Uint8Array {
    const writer = new Writer();
    const given = values as Record<string, unknown>;
    for (const [name, one] of entries) {
      const value = given[name];
      if (value !== undefined) one.write(writer, value);
    }
    return writer.finish();
  }
  function decode(input: Uint8Array): Values<F> {
    const result: Record<string, unknown> = blank();
    try {
      const reader = new Reader(input);
      while (reader.pos < reader.len) {
        const [number, wireType] = reader.tag();
        const known = byNumber.get(number);
        if (known === undefined) reader.skip(wireType, number);
        else result[known[0]] = known[1].read(reader, wireType, result[known[0]]);
      }
    } catch (error) {
      throw invalid(`malformed message: ${messageOf(error)}`, { cause: error });
    }
    return result as Values<F>;
  }
  return {
    wireType: WireType.LengthDelimited,
    zero: undefined,
    isZero: (value) => value === undefined,
    read: (reader) => decode(reader.bytes()),
    write: (writer, value) => void writer.bytes(encode(value ?? {})),
    create,
    encode,
    decode,
  };
}

function isContainer(value: unknown): boolean {
  return Array.isArray(value) || value instanceof Map;
}

function requireType(actual: WireType, wanted: WireType): void {
  if (actual !== wanted) throw new RangeError(`wire type ${actual} where ${wanted} was expected`);
}
