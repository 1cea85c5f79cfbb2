import { expect, test } from "bun:test";
import { canonicalReference, familiarName, familiarReference, parseReference, parseTagged } from "./reference.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;

test.each([
  ["ubuntu", "docker.io/library/ubuntu", "ubuntu"],
  ["ubuntu:12.04", "docker.io/library/ubuntu:12.04", "ubuntu:12.04"],
  ["library/ubuntu", "docker.io/library/ubuntu", "ubuntu"],
  ["training/sinatra", "docker.io/training/sinatra", "training/sinatra"],
  ["docker.io/ubuntu", "docker.io/library/ubuntu", "ubuntu"],
  ["index.docker.io/a/b", "docker.io/a/b", "a/b"],
  ["docker.io/library/a/b", "docker.io/library/a/b", "library/a/b"],
  ["localhost/a", "localhost/a", "localhost/a"],
  ["localhost:5000/ubuntu:v4", "localhost:5000/ubuntu:v4", "localhost:5000/ubuntu:v4"],
  ["[::1]:5000/a", "[::1]:5000/a", "[::1]:5000/a"],
  ["a/b/c__d-e.f", "docker.io/a/b/c__d-e.f", "a/b/c__d-e.f"],
  [`a@${DIGEST}`, `docker.io/library/a@${DIGEST}`, `a@${DIGEST}`],
  [`host.tld/a:t@${DIGEST}`, `host.tld/a:t@${DIGEST}`, `host.tld/a:t@${DIGEST}`],
])("%s is %s and shown as %s", (text, canonical, familiar) => {
  const reference = parseReference(text);
  expect(canonicalReference(reference)).toBe(canonical);
  expect(familiarReference(reference)).toBe(familiar);
  expect(parseReference(canonical)).toEqual(reference);
});

test.each([
  ["", "invalid reference format"],
  [":tag", "invalid reference format"],
  ["a:", "invalid reference format"],
  ["a//b", "invalid reference format"],
  ["/a", "invalid reference format"],
  ["../a", "invalid reference format"],
  ["a..b", "invalid reference format"],
  ["-a", "invalid reference format"],
  ["a@sha256:abc", "invalid reference format"],
  ["a:b:c", "invalid reference format"],
  [`a:${"x".repeat(129)}`, "invalid reference format"],
  ["Ubuntu", "invalid reference format: repository name (library/Ubuntu) must be lowercase"],
  ["localhost:5000/Ubuntu:v4", "invalid reference format: repository name (Ubuntu) must be lowercase"],
  ["a".repeat(300), "repository name must not be more than 255 characters"],
  ["a".repeat(64), `invalid repository name (${"a".repeat(64)}), cannot specify 64-byte hexadecimal strings`],
])("%j is refused: %s", (text, message) => {
  expect(() => parseReference(text)).toThrow(message);
});

test("a missing tag is latest unless there is a digest", () => {
  expect(parseTagged("a").tag).toBe("latest");
  expect(parseTagged(`a@${DIGEST}`).tag).toBeUndefined();
  expect(familiarName(parseTagged("docker.io/library/a:x"))).toBe("a");
});
