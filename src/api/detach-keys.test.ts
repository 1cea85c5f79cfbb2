import { expect, test } from "bun:test";
import { DetachScanner, parseDetachKeys } from "./detach-keys.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

test("keys are read as Docker writes them", () => {
  expect([...parseDetachKeys("")]).toEqual([16, 17]);
  expect([...parseDetachKeys("ctrl-@,ctrl-[,a,ctrl-Z,ctrl-_")]).toEqual([0, 27, 97, 26, 31]);
  expect(() => parseDetachKeys("ctrl-1")).toThrow("Unknown character: 'ctrl-1'");
});

const inputs: [keys: string, pieces: string[], passed: string, detached: boolean][] = [
  ["", ["abc"], "abc", false],
  ["", ["a\x10\x11b"], "a", true],
  ["", ["a\x10", "\x11"], "a", true],
  ["", ["\x10a"], "\x10a", false],
  ["", ["\x10\x10\x11"], "\x10", true],
  ["", ["\x10", "\x10", "a"], "\x10\x10a", false],
  ["x", ["ax"], "a", true],
  ["a,b,c", ["ab", "abc"], "ab", true],
];

test.each(inputs)("keys %j in %j pass %j", (keys, pieces, passed, detached) => {
  const scanner = new DetachScanner(parseDetachKeys(keys));
  let seen = "";
  let ended = false;
  for (const piece of pieces) {
    const result = scanner.push(bytes(piece));
    seen += new TextDecoder().decode(result.input);
    ended ||= result.detached;
  }
  expect([seen, ended]).toEqual([passed, detached]);
});
