import { expect, test } from "bun:test";
import { printable } from "./printable.ts";

test.each([
  ["plain ü 漢 text\n\twith lines", "plain ü 漢 text\n\twith lines"],
  ["\u001b[2Jx", "\ufffd[2Jx"],
  ["a\rb\u0007\u0000", "a\ufffdb\ufffd\ufffd"],
  ["\u007f\u0080\u009b1A", "\ufffd\ufffd\ufffd1A"],
])("%j", (text, expected) => {
  expect(printable(text)).toBe(expected);
});
