import { expect, test } from "bun:test";
import type { UnfinishedPullRow } from "../../storage/records/unfinished-pulls.ts";
import { createUnfinishedPulls } from "./unfinished-pulls.ts";

function open(rows = new Map<string, UnfinishedPullRow>()) {
  const clock = { ms: 0, now: () => new Date(clock.ms) };
  const records = {
    all: () => [...rows.values()],
    put: (row: UnfinishedPullRow) => void rows.set(row.pull, row),
    delete: (pull: string) => void rows.delete(pull),
  };
  return { rows, clock, pulls: createUnfinishedPulls({ records, clock }) };
}

const DAY_MS = 24 * 3600 * 1000;

test("what a broken pull brought is kept, over a restart too, and for a day", () => {
  const { rows, pulls } = open();
  pulls.begin("a", ["layer"]);
  pulls.end("a", false);
  const next = open(rows);
  expect(next.pulls.keys()).toEqual(["layer"]);
  next.clock.ms = DAY_MS + 1;
  expect(next.pulls.keys()).toEqual([]);
  expect(rows.size).toBe(0);
});

test("what an image has is not kept for its own sake", () => {
  const { rows, pulls } = open();
  pulls.begin("a", ["layer"]);
  pulls.end("a", true);
  expect(pulls.keys()).toEqual([]);
  expect(rows.size).toBe(0);
});

test("of two pulls of one name the one that goes on keeps its layers", () => {
  const { pulls } = open();
  pulls.begin("a", ["layer"]);
  pulls.begin("a", ["layer"]);
  pulls.end("a", true);
  pulls.forget();
  expect(pulls.keys()).toEqual(["layer"]);
  pulls.end("a", false);
  pulls.forget();
  expect(pulls.keys()).toEqual([]);
});
