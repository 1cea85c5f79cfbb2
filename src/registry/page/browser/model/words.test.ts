import { expect, test } from "bun:test";
import { pullCommands, pushCommands, registryHost } from "./commands.ts";
import { adviceFor } from "./failure.ts";
import { markMatches, matches } from "./filter.ts";
import { segmentsOf } from "./layer-bar.ts";
import { inReadingOrder } from "./tag-order.ts";

test.each([
  [{ host: "localhost:5000", protocol: "http:" }, "localhost:5000"],
  [{ host: "localhost", protocol: "http:" }, "localhost"],
  [{ host: "registry", protocol: "https:" }, "registry:443"],
  [{ host: "registry", protocol: "http:" }, "registry:80"],
  [{ host: "hub.example", protocol: "https:" }, "hub.example"],
  [{ host: "[::1]:5000", protocol: "http:" }, "[::1]:5000"],
])("%j is %s in a reference", (place, expected) => {
  expect(registryHost(place)).toBe(expected);
});

const digest = `sha256:${"0a".repeat(32)}`;

test("how to pull depends on what it is", () => {
  const lines = (label: string, group: "image" | "index" | "artifact", reference = "1.0", platform = "") =>
    pullCommands({ host: "h:1", name: "a/b", reference, digest, kind: { label, group }, platform }).map(
      ({ line }) => line,
    );
  expect(lines("Image", "image")).toEqual([
    "docker pull h:1/a/b:1.0",
    "gantry pull h:1/a/b:1.0",
    `docker pull h:1/a/b@${digest}`,
  ]);
  expect(lines("Image", "image", digest)).toHaveLength(2);
  expect(lines("Image", "image", "1.0", "linux/arm64")[1]).toBe("gantry pull --platform linux/arm64 h:1/a/b:1.0");
  expect(lines("Helm chart", "artifact")[0]).toBe("helm pull oci://h:1/a/b --version 1.0");
  expect(lines("SBOM", "artifact", digest)).toEqual([`oras pull h:1/a/b@${digest}`]);
  expect(pushCommands("h:1", "a/b").map(({ line }) => line)).toEqual([
    "docker tag b h:1/a/b:1.0",
    "docker push h:1/a/b:1.0",
  ]);
});

test.each([
  ["team/shop/web", "", true],
  ["team/shop/web", "WEB", true],
  ["team/shop/web", "web team", true],
  ["team/shop/web", "web api", false],
])("%s is found by “%s”: %p", (name, query, expected) => {
  expect(matches(name, query)).toBe(expected);
});

test("what was found is marked, also where finds touch", () => {
  const marked = (query: string) =>
    markMatches("aa-bb", query)
      .map(({ text, hit }) => (hit ? `[${text}]` : text))
      .join("");
  expect([marked(""), marked("a"), marked("b aa"), marked("aa- -b")]).toEqual([
    "aa-bb",
    "[aa]-bb",
    "[aa]-[bb]",
    "[aa-b]b",
  ]);
});

test("the bar is full, in order, and hides no layer", () => {
  const segments = segmentsOf([1_000_000, 0, 1, 3_000_000], 1000);
  expect(segments.map(({ layer }) => layer)).toEqual([0, 1, 2, 3]);
  expect(segments.every(({ width }) => width >= 4)).toBe(true);
  const last = segments.at(-1);
  expect((last?.x ?? 0) + (last?.width ?? 0)).toBeCloseTo(1000, 6);
  expect((segments[3]?.width ?? 0) / (segments[0]?.width ?? 1)).toBeCloseTo(3, 0);
});

test("a bar of layers without a size, of very many, and of none", () => {
  expect(segmentsOf([0, 0], 1000).map(({ width }) => width)).toEqual([500, 500]);
  const many = segmentsOf(
    Array.from({ length: 2000 }, () => 5),
    1000,
  );
  expect(many.reduce((sum, { width }) => sum + width, 0)).toBeCloseTo(1000, 6);
  expect(segmentsOf([], 1000)).toEqual([]);
});

test("tags are read newest first", () => {
  expect(inReadingOrder(["1.10", "1.9", "latest", "2.0", "edge"])).toEqual(["latest", "edge", "2.0", "1.10", "1.9"]);
});

test("every failure says what to do", () => {
  const answer = (status: number, code = "", message = "") => adviceFor({ kind: "answer", status, code, message });
  expect(answer(404, "NAME_UNKNOWN").title).toBe("No such repository");
  expect(answer(404, "MANIFEST_UNKNOWN").title).toBe("No such image");
  expect(answer(404).title).toBe("Not offered");
  expect(answer(405).advice).toContain("must be enabled");
  expect(answer(500, "", "disk full").advice).toContain("disk full");
  expect(adviceFor({ kind: "foreign-realm", realm: "https://auth.example" }).advice).toContain("https://auth.example");
});
