import { expect, test } from "bun:test";
import { FAKE_REQUEST, type FakeFrontend, fakeFrontendDeps } from "../../../test/harness/fake-frontend.ts";
import { planBuild } from "./plan-build.ts";

function plan(dockerfile: string, { request, ...given }: FakeFrontend = {}) {
  const deps = fakeFrontendDeps({ ...given, files: { context: { Dockerfile: dockerfile }, ...given.files } });
  return { deps, plan: planBuild({ ...FAKE_REQUEST, ...request }, deps) };
}

test("an image is asked for once for each platform, and not at all for a stage that is not needed", async () => {
  const text =
    "FROM node:20 AS unused\nFROM alpine AS a\nFROM alpine:latest AS b\nCOPY --from=a x x\nCOPY --from=docker.io/library/alpine y y";
  const { deps, plan: done } = plan(text, { request: { platforms: ["linux/amd64", "linux/arm64"] } });
  await done;
  expect(deps.resolved.sort()).toEqual([
    "docker.io/library/alpine:latest linux/amd64",
    "docker.io/library/alpine:latest linux/arm64",
  ]);
});

test("images of all stages are asked for at the same time", async () => {
  const deps = fakeFrontendDeps({
    files: { context: { Dockerfile: "FROM alpine AS a\nFROM node:20\nCOPY --from=a x x\nCOPY --from=bash y y" } },
  });
  const { promise: allAsked, resolve } = Promise.withResolvers<void>();
  let asked = 0;
  const held: typeof deps.resolveImage = async (reference, platform) => {
    if (++asked === 3) resolve();
    await allAsked;
    return deps.resolveImage(reference, platform);
  };
  expect((await planBuild(FAKE_REQUEST, { ...deps, resolveImage: held })).targets).toHaveLength(1);
});

test("an image's id is asked for as it is", async () => {
  const id = `sha256:${"a".repeat(64)}`;
  const { deps, plan: done } = plan(`FROM ${id}\n`, { images: { [id]: { config: {} } } });
  await done;
  expect(deps.resolved).toEqual([`${id} linux/amd64`]);
});

test("Dockerfile and ignore file are read in one go", async () => {
  const { deps, plan: done } = plan("FROM alpine\n");
  await done;
  expect(deps.read).toEqual(["context: Dockerfile Dockerfile.dockerignore dockerfile .dockerignore"]);
});

test("a Dockerfile from elsewhere brings its own ignore file, or else the context's counts", async () => {
  const dockerfile = { kind: "session", name: "dockerfile", sharedKey: "d" } as const;
  const files = { context: { ".dockerignore": "general" }, dockerfile: { Other: "FROM alpine\nCOPY . .\n" } };
  const request = { dockerfile, fileName: "Other" };
  expect((await plan("", { request, files }).plan).ignore).toEqual({ context: ["general"] });
  const own = { ...files, dockerfile: { ...files.dockerfile, "Other.dockerignore": "own" } };
  expect((await plan("", { request, files: own }).plan).ignore).toEqual({ context: ["own"] });
});

test("a file called dockerfile is found, too", async () => {
  const { plan: done } = plan("", { files: { context: { dockerfile: "FROM alpine\nRUN x\n" } } });
  expect((await done).graph.vertices.map(({ name }) => name)).toEqual([expect.stringContaining("FROM"), "[2/2] RUN x"]);
});

test("a byte order mark and Windows' line ends do no harm", async () => {
  const { plan: done } = plan("\uFEFFFROM alpine\r\nENV A=b\r\nRUN x\r\n");
  expect((await done).targets[0]?.history.map(({ createdBy }) => createdBy)).toEqual([
    "ENV A=b",
    "RUN /bin/sh -c x # buildkit",
  ]);
});

test("names that mean something to JavaScript are labels and variables like any other", async () => {
  const text =
    "FROM alpine\nARG constructor\nARG __proto__=p\nLABEL __proto__=l toString=t\nENV __proto__=e\nRUN echo $constructor";
  const [target] = (await plan(text).plan).targets;
  const config = target?.config.config as { Labels: Record<string, string>; Env: string[] };
  expect(Object.entries(config.Labels)).toEqual([
    ["__proto__", "l"],
    ["toString", "t"],
  ]);
  expect(config.Env).toEqual(["PATH=/usr/bin:/bin", "__proto__=e"]);
  expect(target?.history[0]?.createdBy).toBe("ARG constructor");
});

const SYNTAXES: [syntax: string, isForeign: boolean][] = [
  ["docker/dockerfile:1", false],
  ["docker.io/docker/dockerfile:1.7-labs", false],
  ["mirror.example/docker/dockerfile@sha256:0", false],
  ["docker/dockerfile-upstream:master", false],
  ["example.com/own/frontend:1", true],
  ["docker/dockerfilex", true],
];

for (const [syntax, isForeign] of SYNTAXES) {
  test(`a syntax ${syntax} is ${isForeign ? "warned about" : "the one that is built in"}`, async () => {
    const { warnings } = await plan(`# syntax=${syntax}\nFROM alpine\n`).plan;
    const text = `[Warning] syntax ${syntax} is not fetched: the file is read as a Dockerfile`;
    expect(warnings.map(({ message }) => message)).toEqual(isForeign ? [text] : []);
  });
}

test("the plan's inputs come before their users", async () => {
  const text =
    "FROM alpine AS a\nCOPY x y\nFROM node:20\nCOPY --link --from=a z z\nRUN --mount=from=a,target=/m <<E\n#!/bin/sh\nE\n";
  const { vertices } = (await plan(text, { request: { platforms: ["linux/amd64", "linux/arm64"] } }).plan).graph;
  vertices.forEach(({ inputs }, index) => expect(inputs.every((input) => input >= 0 && input < index)).toBe(true));
});

test("a Dockerfile of 1000 lines is planned within 30 ms", async () => {
  const lines = Array.from(
    { length: 500 },
    (_, index) => `ENV V${index % 50}=${index}\nRUN step ${index} "$V1" && echo \${V2:-x}`,
  );
  const text = `FROM alpine\n${lines.join("\n")}\n`;
  const times: number[] = [];
  // The machine does other things, too: one run out of many has to be as quick.
  while (times.length < 20 && !times.some((time) => time < 30)) {
    const before = performance.now();
    await plan(text).plan;
    times.push(performance.now() - before);
  }
  expect(Math.min(...times)).toBeLessThan(30);
});
