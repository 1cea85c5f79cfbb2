import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { chooseTargets, parseBakeFiles } from "../../src/cli/build/bake/bake-file.ts";
import { served } from "./served.ts";

async function baked(file: object | string, args: string[], environment: Record<string, string> = {}) {
  const s = await served();
  const path = `${s.daemon.directory}/bake.json`;
  const text = typeof file === "string" ? file : JSON.stringify(file).replaceAll("CONTEXT", s.context);
  s.files({ "sub/Dockerfile": "FROM scratch\n" });
  writeFileSync(path, text);
  try {
    const result = await s.run(["buildx", "bake", "-f", path, ...args], { environment });
    return { ...result, requests: s.builder.requests, outputs: s.builder.outputs, context: s.context };
  } finally {
    await s[Symbol.asyncDispose]();
  }
}

const FILE = {
  variable: { TAG: { default: "latest" } },
  group: { default: { targets: ["app", "all"] }, all: { targets: ["app", "test"] } },
  target: {
    base: { context: "CONTEXT", args: { A: "1", B: "2" }, labels: { of: "base" } },
    app: { inherits: ["base"], tags: ["app:${TAG}"], args: { B: "3" }, dockerfile: "sub/Dockerfile" },
    test: { inherits: ["app"], target: "test", platforms: ["linux/amd64"], "no-cache": true, network: "none" },
  },
};

test("the default group is built, each target once, with what it inherits", async () => {
  const { code, requests, outputs, err } = await baked(FILE, [], { TAG: "v2" });
  expect([code, err.includes("bake: app\n")]).toEqual([0, true]);
  expect(requests).toMatchObject([
    {
      buildArgs: { A: "1", B: "3" },
      labels: { of: "base" },
      fileName: "sub/Dockerfile",
      target: "",
      noCache: undefined,
    },
    { buildArgs: { A: "1", B: "3" }, target: "test", platforms: ["linux/amd64"], noCache: [], network: "none" },
  ]);
  expect(outputs[0]).toMatchObject([{ type: "image", names: ["docker.io/library/app:v2"] }]);
});

test("--set overrides, of one target or all; --print builds nothing", async () => {
  const { requests } = await baked(FILE, ["--set", "*.args.A=9", "--set", "app.platform=linux/arm64", "app"]);
  expect(requests).toMatchObject([{ buildArgs: { A: "9", B: "3" }, platforms: ["linux/arm64"] }]);
  const printed = await baked(FILE, ["--print", "test"]);
  expect(printed.requests).toEqual([]);
  expect(JSON.parse(printed.out)).toMatchObject({ target: { test: { target: "test", tags: ["app:latest"] } } });
});

test("a target that others stand on is built first, and is their context", async () => {
  const { code, requests } = await baked(
    {
      target: {
        app: { context: "CONTEXT", contexts: { lib: "target:lib" } },
        lib: { context: "CONTEXT", target: "l" },
      },
    },
    ["app"],
  );
  expect(code).toBe(0);
  expect(requests).toMatchObject([
    { target: "l" },
    { namedContexts: { lib: { kind: "image", reference: expect.stringMatching(/^sha256:/) } } },
  ]);
});

test.each<[string | object, string[], string]>([
  ['target "app" {}', [], "bake files in HCL are not supported"],
  [{ target: { a: { frobnicate: "x" } } }, ["a"], "frobnicate of target a is not supported"],
  [{ target: { a: { tags: ["${upper(TAG)}"] } } }, ["a"], "no expressions and functions of HCL"],
  [{ target: { a: { inherits: ["a"] } } }, ["a"], "target a inherits itself"],
  [{ target: { a: { context: "CONTEXT", contexts: { x: "target:a" } } } }, ["a"], "target a needs itself"],
  [{ group: { g: { targets: ["g"] } } }, ["g"], "group g contains itself"],
  [{ target: {} }, [], "failed to find target default"],
  [{ function: {} }, [], "function is not supported"],
  [{ target: { a: {} } }, ["--set", "b.tags=x", "a"], "could not find any target matching 'b'"],
  [{ target: { a: { tags: "x" } } }, ["a"], "tags of target a must be a list of texts"],
])("refused: %j %j", async (file, args, text) => {
  const { code, err, requests } = await baked(file, args);
  expect([code, requests]).toEqual([1, []]);
  expect(err).toContain(text);
});

test("later files count more, and $${ is plain text", () => {
  const file = parseBakeFiles(
    [
      { name: "a", text: JSON.stringify({ target: { x: { target: "a", args: { P: "$${HOME}" } } } }) },
      { name: "b", text: JSON.stringify({ target: { x: { target: "b" } } }) },
    ],
    {},
  );
  expect(chooseTargets(file, ["x"])[0]?.fields).toEqual({ target: "b", args: { P: "${HOME}" } });
});
