import { expect, test } from "bun:test";
import { detectSyntax, parseCheckOptions } from "./directives.ts";

test.each<[string, string | undefined]>([
  ["# syntax=a/b:1\nFROM x", "a/b:1"],
  ["#syntax = a/b:1 extra words\r\nFROM x", "a/b:1 extra words"],
  ["# escape=`\n# SYNTAX=a\n", "a"],
  ["\ufeff# syntax=a\n", "a"],
  ["#!/usr/bin/env x\n# syntax=a\n", "a"],
  ["// syntax=a\nwhatever", "a"],
  ["#!/x\n//syntax=a", "a"],
  ['{"syntax": "a", "more": {}}', "a"],
  [' { "syntax" : "a" }', "a"],
  ['{"syntax": 1}', undefined],
  ["{ not json", undefined],
  ["FROM x\n# syntax=a", undefined],
  ["\n# syntax=a", undefined],
  ["# a comment\n# syntax=a", undefined],
  ["/ syntax=a", undefined],
  ["", undefined],
])("%j asks for the frontend %p", (source, expected) => {
  expect(detectSyntax(source)).toBe(expected);
});

test("the options of checks", () => {
  const none = { skip: [], skipAll: false, experimental: [], experimentalAll: false, error: false };
  expect(parseCheckOptions(" ")).toEqual(none);
  expect(parseCheckOptions("skip=A, B ; error=TRUE")).toEqual({ ...none, skip: ["A", "B"], error: true });
  expect(parseCheckOptions("skip=all;experimental=C")).toEqual({ ...none, skipAll: true, experimental: ["C"] });
  expect(parseCheckOptions("experimental= all")).toEqual({ ...none, experimentalAll: true });
  expect(() => parseCheckOptions("skip")).toThrow('invalid check option "skip"');
  expect(() => parseCheckOptions("a=b")).toThrow('invalid check option "a"');
  expect(() => parseCheckOptions("error=2")).toThrow('failed to parse check option "error=2"');
});
