import { expect, test } from "bun:test";
import { countsOf, NONE, sum, summaryLine } from "./test-counts.ts";

test("the counts of a report come from its root element", () => {
  const report =
    '<?xml version="1.0"?><testsuites name="bun test" tests="9" failures="2" skipped="3" time="1"><testsuite tests="1"/>';
  expect(countsOf(report)).toEqual({ passed: 4, failed: 2, skipped: 3 });
  expect(countsOf("")).toEqual(NONE);
});

test("the last line names skipped tests only when there are any", () => {
  expect(summaryLine({ passed: 3, failed: 0, skipped: 0 })).toBe("3 passed, 0 failed");
  expect(summaryLine(sum(NONE, { passed: 3, failed: 1, skipped: 2 }))).toBe("3 passed, 1 failed, 2 skipped");
});
