import { expect, test } from "bun:test";
import { functionLengths } from "./function-lengths.ts";
import { filesBelow, readSource } from "./source-tree.ts";

const FILE_LINES = 400;
const FUNCTION_LINES = 60;
const NATIVE_FILE_LINES = 700;

/** Files longer than the cap, each with its reason: tables and generated text only. */
const LONG_FILES: Record<string, string> = {};

const sources = ["src", "test", "bench", "scripts"].flatMap((folder) => filesBelow(folder, ".ts"));
const native = [...filesBelow("native", ".c"), ...filesBelow("native", ".h")];

function lineCount(path: string): number {
  return readSource(path).split("\n").length - 1;
}

test(`no file is longer than ${FILE_LINES} lines`, () => {
  const long = sources.filter((path) => lineCount(path) > FILE_LINES && !(path in LONG_FILES));
  expect(long.map((path) => `${path}: ${lineCount(path)} lines`)).toEqual([]);
});

test(`no native file is longer than ${NATIVE_FILE_LINES} lines`, () => {
  const long = native.filter((path) => lineCount(path) > NATIVE_FILE_LINES);
  expect(long.map((path) => `${path}: ${lineCount(path)} lines`)).toEqual([]);
});

test(`no function is longer than ${FUNCTION_LINES} lines`, () => {
  const long = [...sources.filter((path) => !path.endsWith(".test.ts")), ...native].flatMap((path) =>
    functionLengths(readSource(path))
      .filter(({ lines }) => lines > FUNCTION_LINES)
      .map(({ name, line, lines }) => `${path}:${line}: ${lines} lines: ${name}`),
  );
  expect(long).toEqual([]);
});

test("every exemption still exists and still needs it", () => {
  const stale = Object.keys(LONG_FILES).filter((path) => !sources.includes(path) || lineCount(path) <= FILE_LINES);
  expect(stale).toEqual([]);
});

test("a function's length leaves out the functions nested in it", () => {
  const text = [
    "function outer(a: number): void {",
    "  const inner = () => {",
    "    one();",
    "    two();",
    "  };",
    "  if (a) {",
    "    inner();",
    "  }",
    "}",
  ];
  expect(functionLengths(text.join("\n")).map(({ line, lines }) => [line, lines])).toEqual([
    [2, 4],
    [1, 7],
  ]);
});
