import { expect, test } from "bun:test";
import { parsePlatform, platformQueries } from "./platform.ts";

test.each([
  ["linux", { os: "linux", architecture: "amd64" }],
  ["arm64", { os: "linux", architecture: "arm64" }],
  ["aarch64", { os: "linux", architecture: "arm64" }],
  ["linux/arm64/v8", { os: "linux", architecture: "arm64" }],
  ["Linux/ARM/v7", { os: "linux", architecture: "arm", variant: "v7" }],
  ["windows/amd64", { os: "windows", architecture: "amd64" }],
])("%s", (text, expected) => {
  expect(parsePlatform(text, "amd64")).toEqual(expected);
});

test.each([
  ["a/b/c/d", '"a/b/c/d": cannot parse platform specifier: invalid argument'],
  ["foo", '"foo": unknown operating system or architecture: invalid argument'],
  ["linux/", '"" is an invalid component of "linux/": platform specifier component must match'],
  ["l x", '"l x" is an invalid OS component of "l x": OSAndVersion specifier component must match'],
])("%s is refused in Docker's words", (text, message) => {
  expect(() => parsePlatform(text, "amd64")).toThrow(message);
});

test("several with commas are several of the API's", () => {
  expect(platformQueries(["linux/amd64,linux/arm/v6", "linux/s390x"])).toEqual([
    '{"architecture":"amd64","os":"linux"}',
    '{"architecture":"arm","os":"linux","variant":"v6"}',
    '{"architecture":"s390x","os":"linux"}',
  ]);
  expect(() => platformQueries(["foo"])).toThrow("invalid platform: ");
});
