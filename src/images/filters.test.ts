import { expect, test } from "bun:test";
import { parseImageConfig } from "../formats/oci/config.ts";
import { filterImages } from "./filters.ts";
import { globMatch } from "./glob.ts";
import type { Image } from "./images.ts";

test.each<[string, string, boolean]>([
  ["busybox", "busybox", true],
  ["busy*", "busybox", true],
  ["*", "a/b", false],
  ["*/*", "a/b", true],
  ["b?sybox", "busybox", true],
  ["a?b", "a/b", false],
  ["[a-c]x", "bx", true],
  ["[^a-c]x", "bx", false],
  ["[", "[", false],
  ["\\*", "*", true],
  ["a*b*c", "aXbYc", true],
  ["a*b*c", "aXbY", false],
  ["", "", true],
])("glob %j and %j: %p", (pattern, text, expected) => {
  expect(globMatch(pattern, text)).toBe(expected);
});

test("a pattern of many stars takes no longer than it should", () => {
  const startedAt = performance.now();
  expect(globMatch(`${"*a".repeat(2000)}b`, "a".repeat(4000))).toBe(false);
  expect(performance.now() - startedAt).toBeLessThan(2000);
});

const image = (name: string, created: string, tags: string[], labels: Record<string, string> = {}): Image => {
  const config = { created, config: { Labels: labels }, rootfs: { type: "layers", diff_ids: [] } };
  return {
    id: name,
    repoTags: tags,
    repoDigests: [],
    ...parseImageConfig(Buffer.from(JSON.stringify(config))),
    sizeBytes: 0,
    chainId: undefined,
  };
};
const images = [
  image("old", "2020-01-01T00:00:00Z", ["app:1", "host/app:2"], { role: "web" }),
  image("mid", "2022-01-01T00:00:00Z", [], { role: "db" }),
  image("new", "2024-01-01T00:00:00Z", ["busybox:latest"]),
];

function check(filters: Record<string, string[]>): string {
  const find = (name: string) => images.find(({ id }) => id === name) as Image;
  try {
    return filterImages(images, filters, { find, now: new Date("2024-01-02T00:00:00Z") })
      .map(({ id, repoTags }) => `${id}[${repoTags.join()}]`)
      .join(" ");
  } catch (error) {
    return (error as Error).message;
  }
}

test.each<[Record<string, string[]>, string]>([
  [{}, "old[app:1,host/app:2] mid[] new[busybox:latest]"],
  [{ dangling: ["true"] }, "mid[]"],
  [{ dangling: ["0"] }, "old[app:1,host/app:2] new[busybox:latest]"],
  [{ dangling: ["maybe"] }, "invalid filter 'dangling=[maybe]'"],
  [{ label: ["role"] }, "old[app:1,host/app:2] mid[]"],
  [{ label: ["role=web"] }, "old[app:1,host/app:2]"],
  [{ "label!": ["role"] }, "new[busybox:latest]"],
  [{ before: ["mid"] }, "old[app:1,host/app:2]"],
  [{ since: ["mid"] }, "new[busybox:latest]"],
  [{ until: ["48h"] }, "old[app:1,host/app:2] mid[]"],
  [{ until: ["2021-01-01"] }, "old[app:1,host/app:2]"],
  [{ reference: ["app"] }, "old[app:1]"],
  [{ reference: ["*/app:*", "busy*"] }, "old[host/app:2] new[busybox:latest]"],
  [{ nonsense: ["x"] }, "invalid filter 'nonsense'"],
])("filters %j", (filters, expected) => {
  expect(check(filters)).toBe(expected);
});
