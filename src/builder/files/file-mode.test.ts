import { expect, test } from "bun:test";
import { parseModeChange } from "./file-mode.ts";

const octal = (mode: number) => mode.toString(8);

test.each([
  ["0755", 0o600, false, "755"],
  ["4755", 0o600, false, "4755"],
  ["u=rwX,go=rX", 0o600, false, "644"],
  ["u=rwX,go=rX", 0o700, false, "755"],
  ["u=rwX,go=rX", 0o700, true, "755"],
  ["u=rwX,go=rX", 0o600, true, "755"],
  ["+x", 0o644, false, "755"],
  ["a-w", 0o666, false, "444"],
  ["g=u", 0o640, false, "660"],
  ["o=", 0o777, false, "770"],
  ["u+s,+t", 0o755, false, "5755"],
  ["g+s", 0o755, true, "2755"],
  ["u-s", 0o4755, false, "755"],
  ["u=rw", 0o2755, true, "2655"],
  ["u+x-w", 0o644, false, "544"],
  ["go-rwx", 0o777, false, "700"],
])("--chmod=%s makes of %o (directory: %p) %s", (text, mode, isDirectory, expected) => {
  expect(octal(parseModeChange(text)(mode, isDirectory))).toBe(expected);
});

test.each(["", "8", "77777", "u", "rwx", "u=q", "x+r", "755,", "-1"])("--chmod=%p is refused", (text) => {
  expect(() => parseModeChange(text)).toThrow("invalid chmod parameter");
});
