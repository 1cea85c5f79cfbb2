import { expect, test } from "bun:test";
import { transferLine } from "./bar.ts";

test.each([
  [0, 60, "image.tar [>                   ]   0% 0B/200MB"],
  [100e6, 60, "image.tar [==========>         ]  50% 100MB/200MB"],
  [199e6, 60, "image.tar [===================>]  99% 199MB/200MB"],
  [200e6, 60, "image.tar [====================] 100% 200MB/200MB"],
  [300e6, 60, "image.tar [====================] 100% 300MB/200MB"],
])("%d of 200 MB", (currentBytes, columns, expected) => {
  const line = transferLine({ label: "image.tar", currentBytes, totalBytes: 200e6 }, columns);
  const bar = (text: string) => text.replace(/\[.*\]/, "[]");
  expect(bar(line)).toBe(bar(expected));
  expect(/\[=*>? *\]/.test(line)).toBe(true);
  expect(line.length).toBeLessThanOrEqual(columns);
});

test("half of the bytes are half of the bar", () => {
  const line = transferLine({ label: "x", currentBytes: 5, totalBytes: 10 }, 200);
  expect(line).toBe(`x [${"=".repeat(25)}>${" ".repeat(24)}]  50% 5B/10B`);
});

test("a narrow terminal shows the numbers alone", () => {
  expect(transferLine({ label: "image.tar", currentBytes: 5, totalBytes: 10 }, 30)).toBe("image.tar  50% 5B/10B");
});

test("an empty file is there at once", () => {
  expect(transferLine({ label: "x", currentBytes: 0, totalBytes: 0 }, 30)).toContain("100%");
});

test("without a total there is no bar", () => {
  expect(transferLine({ label: "x", currentBytes: 1_500_000 }, 80)).toBe("x 1.5MB");
});

test.each([1, 10, 20, 40, 80])("never wider than %d columns", (columns) => {
  const label = "a-very-long-name-of-an-archive-that-nobody-would-type.tar";
  expect(transferLine({ label, currentBytes: 5, totalBytes: 10 }, columns).length).toBeLessThanOrEqual(columns);
  expect(transferLine({ label, currentBytes: 5 }, columns).length).toBeLessThanOrEqual(columns);
});
