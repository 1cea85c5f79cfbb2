import { expect, test } from "bun:test";
import { playOnScreen } from "./screen.ts";

test.each([
  ["a\r\nb", ["a", "b"]],
  ["abc\rX", ["Xbc"]],
  ["abc\r\u001b[Kd", ["d"]],
  ["a\r\nb\r\nc\u001b[2A\rX\u001b[K", ["X", "b", "c"]],
  ["a\r\nb\r\nc\u001b[1A\r\u001b[J", ["a"]],
  ["\u001b[31mred\u001b[0m", ["red"]],
  ["x".repeat(12), ["x".repeat(10), "xx"]],
])("%j", (output, lines) => {
  expect(playOnScreen(output, 10, 5).lines).toEqual(lines);
});

test("the cursor hides and comes back, and does not go above the screen", () => {
  expect(playOnScreen("\u001b[?25l").cursorVisible).toBe(false);
  expect(playOnScreen("\u001b[?25l\u001b[?25h").cursorVisible).toBe(true);
  expect(playOnScreen("a\r\nb\r\nc\r\nd\u001b[9A\rX", 10, 2).lines).toEqual(["a", "b", "X", "d"]);
});

test("what it does not know is no silent success", () => {
  expect(() => playOnScreen("\u001b[2S")).toThrow("does not know");
});
