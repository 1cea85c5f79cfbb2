import { expect, test } from "bun:test";
import type { CacheRecord } from "../builder.ts";
import { pruneTest } from "./prune-filters.ts";
import { selectRemovals } from "./select-removals.ts";

const now = new Date("2026-01-02T00:00:00Z");

function record(id: string, change: Partial<CacheRecord> = {}): CacheRecord {
  return {
    id,
    parents: [],
    type: "regular",
    description: id,
    inUse: false,
    shared: false,
    sizeBytes: 10,
    createdAt: new Date("2026-01-01T00:00:00Z"),
    lastUsedAt: undefined,
    usageCount: 1,
    ...change,
  };
}

const used = (minute: number) => ({ lastUsedAt: new Date(now.getTime() - 3_600_000 + minute * 60_000) });

const removals = (records: CacheRecord[], keepBytes: number, isCandidate: (one: CacheRecord) => boolean = () => true) =>
  selectRemovals(records, { isCandidate, keepBytes }).map(({ id }) => id);

test("the longest unused go first, until the rest fits", () => {
  const records = [record("c", used(3)), record("a", used(1)), record("b", used(2))];
  expect(removals(records, 30)).toEqual([]);
  expect(removals(records, 20)).toEqual(["a"]);
  expect(removals(records, 5)).toEqual(["a", "b", "c"]);
  expect(removals(records, -1)).toEqual(["a", "b", "c"]);
});

test("no step goes before what stands on it, and goes with the last of that", () => {
  const chain = [
    record("base", used(1)),
    record("middle", { parents: ["base"], ...used(2) }),
    record("top", { parents: ["middle"], ...used(3) }),
  ];
  expect(removals(chain, 25)).toEqual(["top"]);
  expect(removals(chain, 0)).toEqual(["top", "middle", "base"]);
  const fork = [
    record("base", used(1)),
    record("left", { parents: ["base"], ...used(2) }),
    record("right", { parents: ["base"], ...used(9) }),
  ];
  expect(removals(fork, 20)).toEqual(["left"]);
  expect(removals(fork, 0)).toEqual(["left", "right", "base"]);
});

test("what is no candidate stays, and keeps what it stands on", () => {
  const chain = [record("base", used(1)), record("held", { parents: ["base"], ...used(2) }), record("other", used(3))];
  expect(removals(chain, 0, ({ id }) => id !== "held")).toEqual(["other"]);
});

test("what an image has, too, takes nothing", () => {
  const records = [record("a", { shared: true, ...used(1) }), record("b", used(2))];
  expect(removals(records, 10)).toEqual([]);
});

test.each<[Record<string, string[]>, string[]]>([
  [{}, ["old", "new", "mount"]],
  [{ until: ["12h"] }, ["old"]],
  [{ "unused-for": ["30m"] }, ["old", "mount"]],
  [{ id: ["ol"] }, ["old"]],
  [{ parents: ["old"] }, ["new"]],
  [{ parent: ["old"] }, ["new"]],
  [{ type: ["exec.cachemount"] }, ["mount"]],
  [{ type: ["exec.cachemount", "regular"], until: ["12h"] }, ["old"]],
  [{ description: ["new"] }, ["new"]],
  [{ shared: [""] }, []],
  [{ shared: ["false"], type: ["regular"] }, ["old", "new"]],
  [{ private: ["true"], id: ["new"] }, ["new"]],
  [{ private: ["0"] }, []],
  [{ inuse: ["true"] }, []],
  [{ inuse: ["false"], id: ["mount"] }, ["mount"]],
])("filters %j take %j", (filters, expected) => {
  const records = [
    record("old"),
    record("new", { parents: ["old"], ...used(59) }),
    record("mount", { type: "exec.cachemount", ...used(10) }),
    record("busy", { inUse: true }),
    record("shared", { shared: true, ...used(59) }),
    record("frontend", { type: "frontend" }),
  ];
  expect(records.filter(pruneTest({ filters, all: false }, now)).map(({ id }) => id)).toEqual(expected);
});

test("with all, what is shared or internal may go, but nothing in use", () => {
  const records = [
    record("shared", { shared: true }),
    record("internal", { type: "internal" }),
    record("busy", { inUse: true }),
  ];
  expect(records.filter(pruneTest({ filters: {}, all: true }, now)).map(({ id }) => id)).toEqual([
    "shared",
    "internal",
  ]);
});

test.each<[Record<string, string[]>, string]>([
  [{ colour: ["red"] }, "invalid filter 'colour'"],
  [{ shared: ["maybe"] }, "invalid filter 'shared=maybe'"],
  [{ until: ["yesterday"] }, "failed to parse value as time or duration"],
])("filters %j are refused: %s", (filters, message) => {
  expect(() => pruneTest({ filters, all: false }, now)).toThrow(message);
});
