import { expect, test } from "bun:test";
import { formatSize, formatSizes } from "./size.ts";

test.each([
  [0, "0 B"],
  [1, "1 B"],
  [999, "999 B"],
  [1000, "1 kB"],
  [1234, "1.23 kB"],
  [999_499, "999 kB"],
  [999_600, "1 MB"],
  [4_270_000, "4.27 MB"],
  [1_000_000_000, "1 GB"],
  [123_456_789_012, "123 GB"],
  [Number.MAX_SAFE_INTEGER, "9.01 PB"],
])("%d bytes are shown as %s", (size, expected) => {
  expect(formatSize(size)).toBe(expected);
});

test("sizes of several platforms are a range only where they differ as shown", () => {
  expect(formatSizes([])).toBe("–");
  expect(formatSizes([2_130_000])).toBe("2.13 MB");
  expect(formatSizes([2_130_000, 2_130_001])).toBe("2.13 MB");
  expect(formatSizes([2_400_000, 2_130_000, 2_200_000])).toBe("2.13 MB – 2.4 MB");
});
