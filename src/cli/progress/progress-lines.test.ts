import { expect, test } from "bun:test";
import { layerText, progressText } from "./progress-lines.ts";

test.each([
  [{ stream: "Loaded image: a:1\n" }, "Loaded image: a:1\n"],
  [{ status: "Pulling from a" }, "Pulling from a\n"],
  [{ id: "abc", status: "Pull complete" }, "abc: Pull complete\n"],
  [{ id: "abc", status: "Loading layer", progressDetail: { current: 5, total: 10 } }, ""],
])("%o is shown as %j", (line, expected) => {
  expect(progressText(line)).toBe(expected);
});

test("a layer has its line when its last byte has come", () => {
  const line = (current: number) => ({
    id: "abc",
    status: "Loading layer",
    progressDetail: { current, total: 2_000_000 },
  });
  expect(layerText(line(1_000_000))).toBe("");
  expect(layerText(line(2_000_000))).toBe("abc: Loading layer 2MB\n");
  expect(layerText({ id: "abc", status: "Waiting" })).toBe("");
});
