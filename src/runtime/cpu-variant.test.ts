import { expect, test } from "bun:test";
import { amd64Variant } from "./cpu-variant.ts";

const V2 = "cx16 lahf_lm popcnt sse4_1 sse4_2 ssse3";
const V3 = `${V2} avx avx2 bmi1 bmi2 f16c fma abm movbe xsave`;

test.each([
  ["fpu sse2", undefined],
  [V2, "v2"],
  [V3, "v3"],
  [`${V3} avx512f avx512bw avx512cd avx512dq avx512vl`, "v4"],
  [V3.replace("popcnt ", ""), undefined],
])("a CPU with %s is %s", (flags, expected) => {
  expect(amd64Variant(`processor\t: 0\nflags\t\t: ${flags}\nbugs\t: none\n`)).toBe(expected as string);
});

test("no flags are the first level", () => expect(amd64Variant("")).toBeUndefined());
