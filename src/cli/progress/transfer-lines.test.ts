import { describe, expect, test } from "bun:test";
import type { WireProgress } from "../../wire/progress.ts";
import { finalLine, transferLines } from "./transfer-lines.ts";
import { applyLine, type Group } from "./transfer-state.ts";

const layer = (id: string, status: string, current?: number, total?: number): WireProgress => ({
  id,
  status,
  progressDetail: { ...(current === undefined ? {} : { current }), ...(total === undefined ? {} : { total }) },
});

function groupOf(lines: WireProgress[], title = ""): Group {
  const group: Group = { title, parts: new Map() };
  for (const line of lines) expect(applyLine(group, line)).toBe(true);
  return group;
}

const view = (columns = 100, rows = 20, bytesPerSecond = 0) => ({ columns, rows, bytesPerSecond });

const SIZES = { aux: { layerSizes: { aaa: 10e6, bbb: 20e6, ccc: 4e6 } } };
const PULL = [
  layer("aaa", "Pulling fs layer"),
  layer("bbb", "Pulling fs layer"),
  layer("ccc", "Already exists"),
  layer("aaa", "Downloading", 5e6, 10e6),
  layer("bbb", "Waiting"),
];

describe("one image", () => {
  test("a line for each layer in the order of the manifest, and the sum", () => {
    expect(transferLines([groupOf(PULL)], view())).toEqual([
      `aaa: Downloading [${"=".repeat(25)}>${" ".repeat(24)}]  50% 5MB/10MB`,
      "bbb: Waiting",
      "ccc: Already exists",
      "1/3 layers  5MB/10MB+",
    ]);
  });

  test("sizes that are known before the first byte make the sum whole, and the time that is left", () => {
    const lines = transferLines([groupOf([SIZES, ...PULL.slice(3)])], view(100, 20, 2.5e6));
    expect(lines.at(-1)).toBe("0/3 layers  5MB/34MB  2.5MB/s  12s left");
  });

  test("bars of layers stand under one another, whatever their words", () => {
    const group = groupOf([layer("aaa", "Downloading", 5e6, 10e6), layer("bbb", "Extracting", 1e6, 20e6)]);
    const [first = "", second = ""] = transferLines([group], view());
    expect(first.indexOf("[")).toBe(second.indexOf("["));
  });

  test("bytes that were fetched count as such while they are unpacked", () => {
    const group = groupOf([layer("aaa", "Downloading", 10e6, 10e6), layer("aaa", "Extracting", 1e6, 10e6)]);
    expect(transferLines([group], view()).at(-1)).toBe("0/1 layers  10MB/10MB");
    applyLine(group, layer("aaa", "Pull complete"));
    expect(transferLines([group], view())).toEqual(["aaa: Pull complete", "1/1 layers  10MB/10MB"]);
  });

  test("what need not be moved is no part of the sum", () => {
    const group = groupOf([{ aux: { layerSizes: { aaa: 10e6, bbb: 20e6 } } }, layer("bbb", "Layer already exists")]);
    applyLine(group, layer("aaa", "Pushing", 5e6, 10e6));
    expect(transferLines([group], view()).at(-1)).toBe("1/2 layers  5MB/10MB");
    applyLine(group, layer("aaa", "Mounted from team/x"));
    expect(transferLines([group], view()).at(-1)).toBe("2/2 layers");
  });

  test.each([
    [59, "59s left"],
    [60, "1m00s left"],
    [3599, "59m59s left"],
    [4800, "1h20m left"],
    [0.2, "1s left"],
  ])("%d seconds are %s", (seconds, text) => {
    const group = groupOf([layer("aaa", "Downloading", 0.5e6, 10.5e6)]);
    expect(transferLines([group], view(100, 20, 10e6 / seconds)).at(-1)).toEndWith(text);
  });
});

describe("a small terminal", () => {
  const many = groupOf([
    ...Array.from({ length: 20 }, (_, at) => layer(`d${at}`, "Pull complete")),
    layer("act", "Downloading", 5e6, 10e6),
    ...Array.from({ length: 20 }, (_, at) => layer(`w${at}`, "Waiting")),
  ]);

  test("shows what is active, then what waits; the others are counted in one line", () => {
    const lines = transferLines([many], view(60, 6));
    expect(lines.slice(1)).toEqual([
      "w0: Waiting",
      "w1: Waiting",
      "w2: Waiting",
      "… 20 done, 17 waiting",
      "20/41 layers  5MB/10MB+",
    ]);
    expect(lines[0]).toStartWith("act: Downloading [");
  });

  test.each([
    [1, 1],
    [2, 5],
    [3, 10],
    [6, 20],
    [24, 40],
    [60, 80],
  ])("never more than %d lines of %d columns", (rows, columns) => {
    const other = groupOf([layer("x".repeat(30), "Downloading", 1, 3)], "host.example.com:5000/a/long/name:tag");
    const lines = transferLines([many, other], view(columns, rows, 1e6));
    expect(lines.length).toBeLessThanOrEqual(rows);
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
  });
});

test("several images have titles, and one sum", () => {
  const groups = [groupOf([layer("aaa", "Pull complete")], "a:1"), groupOf([layer("bbb", "Waiting")], "b:2")];
  expect(transferLines(groups, view())).toEqual(["a:1", "aaa: Pull complete", "b:2", "bbb: Waiting", "1/2 layers"]);
});

test("nothing is drawn before the first layer", () => {
  expect(transferLines([groupOf([])], view())).toEqual([]);
});

test("headings and texts of their own are no layers", () => {
  const group = groupOf([]);
  expect(applyLine(group, { id: "latest", status: "Pulling from library/a" })).toBe(false);
  expect(applyLine(group, { status: "Digest: sha256:1" })).toBe(false);
  expect(applyLine(group, { stream: "Loaded image: a:1\n" })).toBe(false);
  expect(group.parts.size).toBe(0);
});

test("what stays of a layer: its last words, with the size where they count to the end", () => {
  const last = (...lines: WireProgress[]) => [...groupOf(lines).parts.values()].map(finalLine);
  expect(last(layer("a", "Downloading", 5, 10), layer("a", "Pull complete"))).toEqual(["a: Pull complete"]);
  expect(last(layer("a", "Loading layer", 2e6, 2e6))).toEqual(["a: Loading layer 2MB"]);
});

test("words of a registry have no power over the terminal", () => {
  const [line] = transferLines([groupOf([layer("a\u001b[2J", "x\u009b1A\ry")])], view());
  expect(line).toBe("a\ufffd[2J: x\ufffd1A\ufffdy");
});

test("a daemon that never stops telling of new layers does not fill the memory", () => {
  const group = groupOf(Array.from({ length: 5000 }, (_, at) => layer(`l${at}`, "Waiting")));
  expect(group.parts.size).toBe(4096);
});
