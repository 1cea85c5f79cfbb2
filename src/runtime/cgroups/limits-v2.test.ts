import { expect, test } from "bun:test";
import { cpuWeight, ioWeight } from "./limits-v2.ts";

test("cpuWeight() goes through the ends and the default of both scales", () => {
  expect([0, 2, 1024, 262144].map(cpuWeight)).toEqual([0, 1, 100, 10000]);
  const weights = Array.from({ length: 18 }, (_, power) => cpuWeight(2 ** (power + 1)));
  expect(weights).toEqual([...weights].sort((a, b) => a - b));
});

test("ioWeight() maps the whole range", () => {
  expect([0, 10, 500, 1000].map(ioWeight)).toEqual([0, 1, 4950, 10000]);
});
