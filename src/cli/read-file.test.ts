import { expect, test } from "bun:test";
import { decodeText } from "./read-file.ts";

test("bytes that are no UTF-8 are refused with the name of the file", () => {
  expect(() => decodeText(Uint8Array.from([65, 61, 255]), "env")).toThrow("invalid file (env): invalid utf8 bytes");
});

test("a text is given with its byte order mark", () => {
  expect(decodeText(Uint8Array.from([0xef, 0xbb, 0xbf, 65]), "env")).toBe("\uFEFFA");
});
