import { expect, test } from "bun:test";
import { encodePlan } from "./encode-plan.ts";
import { at, type LaunchPlan, type StagedOperation } from "./launch-plan.ts";
import { attributeFlags, namespaceFlags, resourceNumber } from "./plan-constants.ts";

const delivery = { awaitedClients: 2, fdCount: 1 };

function planOf(...operations: StagedOperation[]): LaunchPlan {
  const supervise = { exitRecordPath: "/e", tty: true, stdin: false, stdinOnce: false, abandonOutput: true };
  return { id: "x", supervise, operations };
}

/** The bytes of one operation: [code, stage, length] and its fields. */
function encodeOne(operation: StagedOperation): Buffer {
  const empty = encodePlan(planOf(), delivery).length;
  return encodePlan(planOf(operation), delivery).subarray(empty);
}

test("the header says how long the rest is", () => {
  const bytes = encodePlan(planOf(), delivery);
  expect(bytes.toString("latin1", 0, 4)).toBe("GPL1");
  expect(bytes.readUInt32LE(4)).toBe(bytes.length - 8);
});

test("strings are counted in bytes and end in NUL; numbers are little-endian", () => {
  const bytes = encodeOne(at("enter", "hostname", { name: "é" }));
  expect([...bytes]).toEqual([26, 0, 0, 0, 3, 0, 0, 0, 7, 0, 0, 0, 2, 0, 0, 0, 0xc3, 0xa9, 0]);
});

test("negative numbers and 64-bit limits keep their bits", () => {
  expect(encodeOne(at("enter", "oom-score-adj", { value: -1000 })).readInt32LE(12)).toBe(-1000);
  const limit = encodeOne(at("enter", "rlimit", { resource: "nofile", soft: 1n, hard: 0xffff_ffff_ffff_ffffn }));
  expect(limit.readUInt32LE(12)).toBe(7);
  expect(limit.readBigUInt64LE(24)).toBe(0xffff_ffff_ffff_ffffn);
});

test("a NUL in a string is refused: the kernel would see a shorter one", () => {
  expect(() => encodePlan(planOf(at("enter", "hostname", { name: "a\0b" })), delivery)).toThrow(RangeError);
  expect(() => encodePlan(planOf(at("enter", "exec", { argv: ["a\0b"], env: [] })), delivery)).toThrow(RangeError);
});

test("a plan that the launcher would refuse for its size is refused here", () => {
  const env = Array.from({ length: 9 }, () => "x".repeat(1024 * 1024));
  expect(() => encodePlan(planOf(at("enter", "exec", { argv: ["a"], env })), delivery)).toThrow(/too large/);
});

test("names become the kernel's numbers", () => {
  expect(namespaceFlags(["pid", "net", "mnt"])).toBe(0x6002_0000);
  expect(resourceNumber("RLIMIT_NOFILE")).toBe(resourceNumber("nofile"));
  expect(() => resourceNumber("nonsense")).toThrow(RangeError);
});

test("attributes that are absent stay, false clears, access times are one choice", () => {
  const cases: [Parameters<typeof attributeFlags>[0], number, number][] = [
    [{}, 0, 0],
    [{ readOnly: true, noSuid: true }, 3, 0],
    [{ readOnly: false, noExec: true }, 8, 1],
    [{ noAtime: true }, 0x10, 0x70],
    [{ relAtime: true }, 0, 0x70],
  ];
  for (const [attributes, set, clear] of cases) expect(attributeFlags(attributes)).toEqual({ set, clear });
});
