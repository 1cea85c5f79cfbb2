import { expect, test } from "bun:test";
import { isDigest, isTag, joinReference, parseRoute, routeTo, routeToSearch, shortDigest } from "./route.ts";

const digest = `sha256:${"0a".repeat(32)}`;

test.each([
  ["", { page: "repositories", query: "" }],
  ["#/", { page: "repositories", query: "" }],
  ["#/?q=a%20b", { page: "repositories", query: "a b" }],
  ["#/app", { page: "repository", name: "app" }],
  ["#/team/my__app.x-y", { page: "repository", name: "team/my__app.x-y" }],
  ["#/team/app:1.0", { page: "manifest", name: "team/app", reference: "1.0", platform: "" }],
  [`#/app@${digest}`, { page: "manifest", name: "app", reference: digest, platform: "" }],
  ["#/app:1?platform=linux/arm64", { page: "manifest", name: "app", reference: "1", platform: "linux/arm64" }],
  ["#/Upper", { page: "unknown" }],
  ["#/a/../b", { page: "unknown" }],
  ["#/a//b", { page: "unknown" }],
  ["#/app:", { page: "unknown" }],
  ["#/app:-no", { page: "unknown" }],
  ["#/app@sha256:short", { page: "unknown" }],
  ["#/<img>", { page: "unknown" }],
  ["#/app?q=%", { page: "repository", name: "app" }],
] as const)("the address %s", (hash, expected) => {
  expect(parseRoute(hash)).toEqual(expected as ReturnType<typeof parseRoute>);
});

test("an address that was made is read back", () => {
  for (const [name, reference, platform] of [
    ["a", "", ""],
    ["a/b", "1.0", ""],
    ["a/b", "1.0", "linux/arm/v7"],
    ["a", digest, ""],
  ] as const) {
    const route = parseRoute(routeTo(name, reference, platform));
    const expected = reference === "" ? { page: "repository", name } : { page: "manifest", name, reference, platform };
    expect(route).toEqual(expected as typeof route);
  }
  expect(parseRoute(routeToSearch("a&b=c #"))).toEqual({ page: "repositories", query: "a&b=c #" });
});

test("tags and digests are told apart", () => {
  expect([isTag("v1.0_x-y"), isTag(""), isTag(`a${"b".repeat(128)}`), isTag(digest)]).toEqual([
    true,
    false,
    false,
    false,
  ]);
  expect([isDigest(digest), isDigest("sha256:"), isDigest("../../x")]).toEqual([true, false, false]);
  expect(joinReference("app", digest)).toBe(`app@${digest}`);
  expect(shortDigest(digest)).toBe("0a0a0a0a0a0a");
});
