import { expect, test } from "bun:test";
import { MAX_ENVIRONMENT_CHARS } from "../../formats/dockerfile/limits.ts";
import { Environment, splitVariable } from "./environment.ts";

test("variables stand in the order in which they were last set", () => {
  const environment = new Environment();
  for (const [name, value] of [
    ["A", "1"],
    ["B", "2"],
    ["A", "3"],
  ] as const)
    environment.set(name, value);
  const copy = environment.copy();
  copy.set("C", "=4=");
  expect(environment.lines()).toEqual(["B=2", "A=3"]);
  expect(copy.lines()).toEqual(["B=2", "A=3", "C==4="]);
  expect([copy.get("C"), copy.get("c")]).toEqual(["=4=", undefined]);
});

test("all variables together have a limit, and one that is set again counts once", () => {
  const environment = new Environment();
  const half = "x".repeat(MAX_ENVIRONMENT_CHARS / 2);
  for (let count = 0; count < 5; count++) environment.set("A", half);
  expect(() => environment.copy().set("B", half)).toThrow(
    "variables of a stage are longer than 4194304 characters in all",
  );
});

test("a line of Env without an equals sign has no value", () => {
  expect([splitVariable("A"), splitVariable("A=b=c"), splitVariable("=x")]).toEqual([
    ["A", ""],
    ["A", "b=c"],
    ["", "x"],
  ]);
});
