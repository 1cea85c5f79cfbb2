import { expect, test } from "bun:test";
import { createDetachFilter, parseDetachKeys } from "./streams.ts";

function typed(chunks: string[], keys = "ctrl-p,ctrl-q"): { passed: string; detached: boolean } {
  const filter = createDetachFilter(parseDetachKeys(keys));
  let passed = "";
  for (const chunk of chunks) {
    const { bytes, detached } = filter(Buffer.from(chunk));
    passed += Buffer.from(bytes).toString();
    if (detached) return { passed, detached };
  }
  return { passed, detached: false };
}

test.each([
  [["a\x10\x11b"], "a", true],
  [["a\x10", "\x11"], "a", true],
  [["\x10x"], "\x10x", false],
  [["\x10\x10\x11"], "\x10", true],
  [["\x11\x10"], "\x11", false],
])("typing %j passes %j on", (chunks, passed, detached) => {
  expect(typed(chunks)).toEqual({ passed, detached });
});

test("detach keys are letters and control characters", () => {
  expect([...parseDetachKeys("ctrl-a,b,ctrl-@,ctrl-_")]).toEqual([1, 98, 0, 31]);
  expect(() => parseDetachKeys("foo")).toThrow("Unknown character: 'foo'");
});
