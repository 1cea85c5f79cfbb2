import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { filesBelow, ROOT, readSource } from "./source-tree.ts";

const TABLE = "test/attacks/README.md";
const CASES = 74;
const REFERENCE = /`([^`]+\.ts)` "([^"]+)"/g;

const rows = readSource(TABLE)
  .split("\n")
  .map((line) => /^\| (\d+) \| (.+) \| (.+) \|$/.exec(line))
  .filter((match) => match !== null)
  .map(([, number, behaviour = "", tests = ""]) => ({ number: Number(number), behaviour, tests }));

test("the table of attacks and faults has every case once, in order", () => {
  expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: CASES }, (_, index) => index + 1));
});

test("every case names tests that exist, or says what has to come first", () => {
  const wrong = rows.flatMap(({ number, tests }) => {
    const references = [...tests.matchAll(REFERENCE)];
    if (references.length === 0) return tests.startsWith("later: ") ? [] : [`${number}: names no test`];
    return references
      .filter(([, path = "", title = ""]) => !hasTest(path, title))
      .map(([, path, title]) => `${number}: no test "${title}" in ${path}`);
  });
  expect(wrong).toEqual([]);
});

function hasTest(path: string, title: string): boolean {
  return existsSync(join(ROOT, path)) && readSource(path).includes(`"${title}`);
}

test("every test that is named by a number is in the table", () => {
  const files = ["test/attacks", "test/faults"].flatMap((folder) => filesBelow(folder, ".test.ts"));
  const table = readSource(TABLE);
  expect(files.filter((path) => !table.includes(`\`${path}\``))).toEqual([]);
});

/** Files that compare with the wall clock, each with its reason. */
const WALL_CLOCK: Record<string, string> = {
  "src/storage/content/partials.ts": "the age of a file over restarts of the machine is known by the wall clock only",
  "src/cli/credentials/config-writer.ts": "the age of a file that another process made is known by the wall clock only",
  "src/containers/logs/open-logs.ts": "`until` of logs is a moment of the wall clock that the client names",
};

/** Timers of JavaScript are monotonic; a duration measured by the wall clock is not. */
test("fault 70: nothing in src/ measures a wait by the wall clock", () => {
  const measured = filesBelow("src", ".ts").filter((path) =>
    /Date\.now\(\)\s*[-<>]|[-<>]=?\s*Date\.now\(\)/.test(readSource(path)),
  );
  expect(measured.filter((path) => !path.endsWith(".test.ts") && !(path in WALL_CLOCK))).toEqual([]);
});
