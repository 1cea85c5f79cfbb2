import { expect, test } from "bun:test";
import { formatScoreboard, median, ratio, type Score } from "./scoreboard.ts";

const time: Score = {
  name: "run",
  unit: "ms",
  target: 12,
  samples: { gantry: [10, 30, 20], docker: [200, 300] },
  failures: {},
};
const speed: Score = {
  name: "stream",
  unit: "MB/s",
  target: 2,
  samples: { gantry: [300], docker: [200] },
  failures: {},
};

test("the median of an even number of samples lies between the middle two", () => {
  expect([median([3, 1, 2]), median([1, 2, 3, 10]), median([])]).toEqual([2, 2.5, undefined]);
});

test("a ratio is above one when ours is better, for times and for speeds", () => {
  expect(ratio(time, "gantry", "docker")).toBe(12.5);
  expect(ratio(speed, "gantry", "docker")).toBe(1.5);
  expect(ratio(time, "gantry", "podman")).toBeUndefined();
});

test("the table says what met its target", () => {
  expect(formatScoreboard([time, speed], ["gantry", "docker"]).split("\n")).toEqual([
    "measure    gantry    docker  × docker  target",
    "run       20.0 ms    250 ms      12.5      12     ok",
    "stream   300 MB/s  200 MB/s       1.5       2  BELOW",
  ]);
});
