import { expect, test } from "bun:test";
import { excerpt } from "./excerpt.ts";

const SOURCE = "FROM x\nRUN a\nRUN b \\\n  c\nRUN d\n\nRUN e\n";

function show(startLine: number, endLine = startLine, source = SOURCE): string[] {
  return excerpt({ fileName: "dir/Dockerfile", source, locations: [{ startLine, endLine }] }).split("\n");
}

const RULE = "--------------------";

test("one line is shown with two lines around it", () => {
  expect(show(5)).toEqual([
    "dir/Dockerfile:5",
    RULE,
    "   3 |     RUN b \\",
    "   4 |       c",
    "   5 | >>> RUN d",
    "   6 |     ",
    "   7 |     RUN e",
    RULE,
    "",
  ]);
});

test("several lines are shown with one line around them", () => {
  expect(show(3, 4).slice(2, -2)).toEqual([
    "   2 |     RUN a",
    "   3 | >>> RUN b \\",
    "   4 | >>>   c",
    "   5 |     RUN d",
  ]);
});

test("at the ends of the file there is less, and what follows the last line feed counts as a line", () => {
  expect(show(1).slice(2, -2)).toEqual(["   1 | >>> FROM x", "   2 |     RUN a", "   3 |     RUN b \\"]);
  expect(show(7).slice(2, -2)).toEqual(["   5 |     RUN d", "   6 |     ", "   7 | >>> RUN e", "   8 |     "]);
  expect(show(7, 7, SOURCE.trimEnd()).slice(-3)).toEqual(["   7 | >>> RUN e", RULE, ""]);
});

test("places apart from each other are marked each", () => {
  const locations = [
    { startLine: 1, endLine: 1 },
    { startLine: 5, endLine: 5 },
  ];
  const marked = excerpt({ fileName: "f", source: SOURCE, locations })
    .split("\n")
    .filter((line) => line.includes(">>>"));
  expect(marked).toEqual(["   1 | >>> FROM x", "   5 | >>> RUN d"]);
});

test("lines that do not exist are not shown", () => {
  expect(excerpt({ fileName: "f", source: SOURCE, locations: [] })).toBe("");
  expect(show(9)).toEqual([""]);
  expect(show(0)).toEqual([""]);
});

test("nothing in the file can steer the terminal, and nothing floods it", () => {
  expect(show(1, 1, "RUN \x1b[2J\ta\u009b1m\x07\r\n")[2]).toBe("   1 | >>> RUN .[2J\ta.1m.");
  expect(show(1, 1, "x".repeat(5000))[2]?.length).toBe(1012);
  expect(show(1, 9000, "x\n".repeat(9000)).length).toBe(204);
});
