import { expect, test } from "bun:test";
import { imageTarget } from "./image-target.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;

test.each([
  ["busybox", "latest", "busybox:latest"],
  ["docker.io/library/busybox", "1.36", "docker.io/library/busybox:1.36"],
  ["h:5000/a/b", "v1", "h:5000/a/b:v1"],
  ["h:5000/a/b:old", "v1", "h:5000/a/b:v1"],
  ["h:5000/a", DIGEST, `h:5000/a@${DIGEST}`],
  ["h:5000/a:old", DIGEST, `h:5000/a@${DIGEST}`],
  [`a@${DIGEST}`, "v1", `a:v1@${DIGEST}`],
  ["h:5000/a:v1", "", "h:5000/a:v1"],
  [`a@${DIGEST}`, "", `a@${DIGEST}`],
  ["a", "not:adigest", "a:not:adigest"],
])("%s with tag %p is %s", (name, tag, reference) => {
  expect(imageTarget(name, tag).reference).toBe(reference);
});

test.each([
  ["busybox", "", undefined, undefined],
  ["busybox:", "", undefined, undefined],
  ["h:5000/a", "", undefined, undefined],
  ["h:5000/a:v1", "", "v1", undefined],
  [`a@${DIGEST}`, "", undefined, DIGEST],
  ["a", DIGEST, undefined, DIGEST],
])("%s with tag %p names tag %p and digest %p; neither means all tags", (name, given, tag, digest) => {
  const target = imageTarget(name, given);
  expect([target.tag, target.digest]).toEqual([tag, digest]);
  expect(target.repository).toBe(name.startsWith("h:5000/a") ? "h:5000/a" : name.startsWith("a") ? "a" : "busybox");
});
