import { expect, test } from "bun:test";
import { parseSignal, reactsTo } from "./signals.ts";

test.each([
  ["TERM", 15],
  ["SIGTERM", 15],
  ["sigkill", 9],
  ["9", 9],
  ["RTMIN", 34],
  ["SIGRTMIN+3", 37],
  ["RTMAX-1", 63],
  ["USR1", 10],
] as const)("signal %s", (text, number) => {
  expect(parseSignal(text)).toBe(number);
});

test.each(["", "0", "65", "NONSENSE", "RTMIN+99", "-9", "1e1", " 9", "__proto__"])("no signal: %p", (text) => {
  expect(() => parseSignal(text)).toThrow(`Invalid signal: ${text}`);
});

function status(fields: { nspid?: string; blocked?: string; caught?: string }): string {
  const { nspid = "4711\t1", blocked = "0000000000000000", caught = "0000000000000000" } = fields;
  return `Name:\tsh\nNSpid:\t${nspid}\nSigBlk:\t${blocked}\nSigIgn:\t0000000000000000\nSigCgt:\t${caught}\n`;
}

test.each([
  ["a first process without a handler does not", status({}), false],
  ["one with a handler does", status({ caught: "0000000000004000" }), true],
  ["one that blocks it for signalfd or sigwait does", status({ blocked: "0000000000004000" }), true],
  ["a handler for another signal is none", status({ caught: "0000000000002000" }), false],
  ["in the host's pid namespace the default action holds", status({ nspid: "4711" }), true],
  ["as a later process of a shared namespace, too", status({ nspid: "4711\t23" }), true],
  ["what cannot be read is taken to react", "", true],
])("reacts to SIGTERM: %s", (_name, text, reacts) => {
  expect(reactsTo(text, 15)).toBe(reacts);
});
