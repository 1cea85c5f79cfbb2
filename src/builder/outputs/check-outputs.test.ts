import { expect, test } from "bun:test";
import type { CacheSpec, Output } from "../builder.ts";
import { checkOutputs, namesOf } from "./check-outputs.ts";

const NOTHING = { cacheTo: [], cacheFrom: [], epochSeconds: undefined, platforms: 1 };

function image(names: string[], attributes: Record<string, string> = {}): Output {
  return { type: "image", names, push: false, attributes };
}

function complaint(outputs: Output[], options: Partial<Parameters<typeof checkOutputs>[1]> = {}): string {
  try {
    checkOutputs(outputs, { ...NOTHING, ...options });
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}

const WRONG: [Output, string][] = [
  [image(["Ubuntu"]), "invalid reference format: repository name (library/Ubuntu) must be lowercase"],
  [image(["a b"]), "invalid reference format"],
  [image([""]), "invalid reference format"],
  [image([`app@sha256:${"0".repeat(64)}`]), "refusing to create a tag with a digest reference"],
  [image([], { name: "ok,Not" }), "invalid reference format: repository name (library/Not) must be lowercase"],
  [image([], { push: "true" }), "tag is needed when pushing to registry"],
  [image(["app"], { push: "perhaps" }), 'non-bool value specified for push: "perhaps"'],
  [image(["app"], { "push-by-digest": "true" }), "push-by-digest needs push=true"],
  [image(["app"], { store: "false" }), "store=false needs push=true"],
  [
    image(["app"], { compression: "estargz" }),
    'unsupported layer compression type: "estargz" (there are gzip, zstd, uncompressed)',
  ],
  [
    image(["app"], { compression: "zstd", "compression-level": "23" }),
    'invalid compression-level "23": zstd has levels 0 to 22',
  ],
  [image(["app"], { "compression-level": "10" }), 'invalid compression-level "10": gzip has levels 0 to 9'],
  [
    image(["app"], { compression: "zstd", "oci-mediatypes": "false" }),
    "zstd compression needs OCI media types: oci-mediatypes=false cannot be used with it",
  ],
  [
    image(["app"], { "annotation-index[linux/amd64].a": "b" }),
    "annotation-index[linux/amd64].a: an index has no platform",
  ],
  [image(["app"], { "annotation-x.a": "b" }), 'invalid annotation: "annotation-x.a"'],
  [image(["app"], { "annotation[lin ux].a": "b" }), '"lin ux": invalid platform specifier: invalid argument'],
  [
    image(["app"], { "rewrite-timestamp": "true" }),
    "rewrite-timestamp needs SOURCE_DATE_EPOCH: layers get that time when they are built",
  ],
  [image(["app"], { "source-date-epoch": "-1" }), 'invalid SOURCE_DATE_EPOCH: "-1"'],
  [
    { type: "oci", id: "0", names: ["Not"], attributes: {} },
    "invalid reference format: repository name (library/Not) must be lowercase",
  ],
  [{ type: "oci", id: "0", names: [], attributes: { tar: "x" } }, 'non-bool value specified for tar: "x"'],
];

for (const [output, message] of WRONG) {
  test(`before anything is built: ${message}`, () => expect(complaint([output])).toBe(message));
}

test("what is right passes", () => {
  const attributes = { push: "", "registry.insecure": "true", "annotation.a.b": "c", "oci-mediatypes": "1" };
  expect(complaint([image(["app", "reg.test:5000/a/b:c"], attributes), { type: "none" }])).toBe("");
  expect(complaint([image(["app"], { "rewrite-timestamp": "true" })], { epochSeconds: 0 })).toBe("");
  expect(complaint([{ type: "local", id: "0", names: [], attributes: {} }], { platforms: 2 })).toBe("");
});

test("files of several platforms do not go into one directory", () => {
  const output: Output = { type: "local", id: "0", names: [], attributes: { "platform-split": "false" } };
  expect(complaint([output])).toBe("");
  expect(complaint([output], { platforms: 2 })).toContain("platform-split=false");
});

test("names of an output and of its attribute are one list, each once", () => {
  const output = image(["app", "app:1"], { name: "app:1,reg.test/b" });
  expect(namesOf(output as Extract<Output, { type: "image" }>).map(({ path, tag }) => `${path}:${tag}`)).toEqual([
    "library/app:latest",
    "library/app:1",
    "b:latest",
  ]);
});

test("caches of kinds that are not there say which are", () => {
  const spec = (type: string, attributes: Record<string, string> = {}) => ({ type, attributes }) as CacheSpec;
  const known = "there are inline, registry, local";
  for (const type of ["gha", "s3", "azblob"]) {
    expect(complaint([], { cacheTo: [spec(type)] })).toBe(`unknown cache type "${type}": ${known}`);
    expect(complaint([], { cacheFrom: [spec(type)] })).toBe(`unknown cache type "${type}": ${known}`);
  }
  expect(complaint([], { cacheTo: [spec("registry")] })).toBe("cache of type registry needs ref");
  expect(complaint([], { cacheTo: [spec("local")] })).toBe("cache of type local needs dest");
  expect(complaint([], { cacheFrom: [spec("local")] })).toBe("cache of type local needs src");
  expect(complaint([], { cacheTo: [spec("registry", { ref: "a", mode: "most" })] })).toContain("there are min and max");
  expect(complaint([], { cacheTo: [spec("registry", { ref: "a", "image-manifest": "false" })] })).toContain(
    "not supported",
  );
  expect(complaint([], { cacheTo: [spec("inline")], cacheFrom: [spec("registry", { ref: "A" })] })).toContain(
    "lowercase",
  );
});
