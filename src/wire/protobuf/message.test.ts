import { describe, expect, test } from "bun:test";
import {
  BIGINT64,
  BOOL,
  bool,
  bytes,
  field,
  INT64,
  int32,
  int64,
  map,
  message,
  repeated,
  STRING,
  string,
  uint32,
} from "./message.ts";

const Inner = message({ name: string(1), size: int64(2) });
const All = message({
  text: string(1),
  flag: bool(2),
  data: bytes(3),
  small: int32(4),
  unsigned: uint32(5),
  big: field(6, BIGINT64),
  inner: field(7, Inner),
  names: repeated(8, STRING),
  sizes: repeated(9, INT64),
  flags: repeated(10, BOOL),
  labels: map(11, STRING),
  inners: map(12, Inner),
});

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));

describe("the bytes are those of the specification", () => {
  // Values of https://protobuf.dev/programming-guides/encoding/ where it has them.
  const cases: [values: Parameters<typeof All.encode>[0], bytes: string][] = [
    [{}, ""],
    [{ text: "", flag: false, small: 0, names: [], labels: new Map() }, ""],
    [{ text: "testing" }, "0a 07 74 65 73 74 69 6e 67"],
    [{ flag: true }, "10 01"],
    [{ small: 150 }, "20 96 01"],
    [{ small: -2 }, "20 fe ff ff ff ff ff ff ff ff 01"],
    [{ unsigned: 4_294_967_295 }, "28 ff ff ff ff 0f"],
    [{ big: -1n }, "30 ff ff ff ff ff ff ff ff ff 01"],
    [{ inner: Inner.create({ size: 150 }) }, "3a 03 10 96 01"],
    [{ names: ["a", ""] }, "42 01 61 42 00"],
    [{ sizes: [3, 270] }, "48 03 48 8e 02"],
    [{ labels: new Map([["k", "v"]]) }, "5a 06 0a 01 6b 12 01 76"],
  ];
  test.each(cases)("%p", (values, expected) => {
    expect(Buffer.from(All.encode(values)).toString("hex")).toBe(expected.replaceAll(" ", ""));
    expect(All.decode(hex(expected))).toEqual(All.create(dropEmpty(values)));
  });
  const dropEmpty = <T extends object>(values: T) => Object.fromEntries(Object.entries(values)) as T;
});

describe("what other writers may write is read, too", () => {
  const cases: [what: string, bytes: string, expected: Parameters<typeof All.create>[0]][] = [
    ["packed numbers", "4a 03 03 8e 02", { sizes: [3, 270] }],
    ["packed and unpacked together", "4a 01 03 48 04 52 02 00 01", { sizes: [3, 4], flags: [false, true] }],
    ["the last of two scalars counts", "20 01 20 02", { small: 2 }],
    ["fields in any order", "10 01 0a 01 61", { text: "a", flag: true }],
    [
      "unknown fields of every type",
      "a0 06 01 a1 06 0000000000000000 a2 06 01 00 a5 06 00000000 10 01",
      { flag: true },
    ],
    ["a map entry without key or value", "5a 00", { labels: new Map([["", ""]]) }],
    ["an empty message is there", "3a 00", { inner: Inner.create() }],
  ];
  test.each(cases)("%s", (_, input, expected) => expect(All.decode(hex(input))).toEqual(All.create(expected)));

  test("keys of maps reach no prototype", () => {
    const labels = new Map([
      ["__proto__", "x"],
      ["constructor", "y"],
    ]);
    expect(All.decode(All.encode({ labels })).labels).toEqual(labels);
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
  });
});

describe("what is no message is refused", () => {
  const cases: [what: string, bytes: string][] = [
    ["a length beyond the end", "0a 05 61"],
    ["a varint without end", "20 ff ff ff ff ff ff ff ff ff ff ff"],
    ["a string that is no UTF-8", "0a 02 c3 28"],
    ["a wrong type for a field", "08 01"],
    ["a wrong type in a list", "41 0000000000000000"],
    ["a number beyond 2^53", "12 0a"],
    ["packed numbers beyond their length", "4a 02 ff ff"],
    ["field number 0", "00 01"],
    ["the end of a group that did not begin", "0c"],
    ["a message within that is none", "3a 02 0a 05"],
  ];
  test.each(cases)("%s", (_, input) => expect(() => All.decode(hex(input))).toThrow(/^malformed message: /));

  test("a size beyond what a number holds", () => {
    const Big = message({ value: field(2, BIGINT64) });
    expect(() => Inner.decode(Big.encode({ value: 2n ** 60n }))).toThrow("a number is too large");
  });

  test("any bytes give a message or this error, quickly", () => {
    let seed = 1;
    const next = () => (seed = (seed * 48_271) % 2_147_483_647);
    for (let round = 0; round < 5000; round++) {
      const input = Uint8Array.from({ length: next() % 60 }, () => next() % 256);
      try {
        All.decode(input);
      } catch (error) {
        expect(String(error)).toContain("malformed message");
      }
    }
  });
});
