import { expect, test } from "bun:test";
import { FAKE_REQUEST, type FakeFrontend, fakeFrontendDeps } from "../../../../test/harness/fake-frontend.ts";
import type { Subrequest } from "../../builder.ts";
import { answerSubrequest } from "./answer-subrequest.ts";

function answer(call: Subrequest, dockerfile: string, { request, ...given }: FakeFrontend = {}) {
  const deps = fakeFrontendDeps({ ...given, files: { context: { Dockerfile: dockerfile, ...given.files?.context } } });
  return { deps, answer: answerSubrequest(call, { ...FAKE_REQUEST, ...request }, deps) };
}

const at = (startLine: number, endLine = startLine) => ({
  ranges: [{ start: { line: startLine }, end: { line: endLine } }],
});
const base64 = (text: string) => Buffer.from(text).toString("base64");

const STAGES = `# a title
ARG TAG=20
# build compiles everything
#
FROM --platform=$BUILDPLATFORM node:\${TAG} AS build
RUN --mount=type=secret,id=npm,required --mount=type=ssh \\
    make
# app is what runs
FROM alpine AS app
`;

test("targets are the stages with their descriptions, and no image is asked for", async () => {
  const { deps, answer: given } = answer("targets", STAGES);
  const { json, text, warnings } = await given;
  expect(JSON.parse(json)).toEqual({
    targets: [
      {
        name: "build",
        description: "compiles everything",
        base: "node:${TAG}",
        platform: "$BUILDPLATFORM",
        location: at(5),
      },
      { name: "app", default: true, description: "is what runs", base: "alpine", location: at(9) },
    ],
    sources: [base64(STAGES)],
  });
  expect(text).toBe("TARGET          DESCRIPTION\nbuild           compiles everything\napp (default)   is what runs\n");
  expect([warnings, deps.resolved]).toEqual([[], []]);
});

test("a last stage without a name is the default, others without one are not shown", async () => {
  const { text } = await answer("targets", "FROM alpine\nFROM alpine AS one\nFROM alpine\n").answer;
  expect(text).toBe("TARGET      DESCRIPTION\none         \n(default)   \n");
});

const OUTLINE = `ARG UNUSED=1
# REGISTRY is where images come from
ARG REGISTRY=docker.io
ARG IMAGE=\${REGISTRY}/library/node
ARG TAG=20
FROM alpine AS other
ARG ONLY_THERE
RUN --mount=type=secret,id=not-needed x
FROM \${IMAGE}:20 AS deps
# LEVEL is how hard it tries
ARG LEVEL=3
RUN --mount=type=secret,id=npm,required --mount=type=secret,id=npm,target=/b --mount=type=ssh,id=git fetch
# app serves
FROM deps AS app
ARG TAG
ARG TARGETARCH
ARG LEVEL=\${LEVEL}0
ARG EMPTY
RUN --mount=type=secret,id=token,env=T y
`;

test("an outline has what the target and all that it needs ask for", async () => {
  const { json, text } = await answer("outline", OUTLINE, { request: { buildArgs: { EMPTY: "given" } } }).answer;
  expect(JSON.parse(json)).toEqual({
    name: "app",
    description: "serves",
    args: [
      { name: "REGISTRY", description: "is where images come from", value: "docker.io", location: at(3) },
      { name: "IMAGE", value: "docker.io/library/node", location: at(4) },
      { name: "TAG", value: "20", location: at(5) },
      { name: "LEVEL", value: "30", location: at(17) },
      { name: "EMPTY", value: "given", location: at(18) },
    ],
    secrets: [
      { name: "npm", required: true, location: at(12) },
      { name: "token", location: at(19) },
    ],
    ssh: [{ name: "git", location: at(12) }],
    sources: [base64(OUTLINE)],
  });
  expect(text).toBe(
    [
      "TARGET:      app",
      "DESCRIPTION: serves",
      "",
      "BUILD ARG   VALUE                    DESCRIPTION",
      "REGISTRY    docker.io                is where images come from",
      "IMAGE       docker.io/library/node   ",
      "TAG         20                       ",
      "LEVEL       30                       ",
      "EMPTY       given                    ",
      "",
      "SECRET   REQUIRED",
      "npm      true",
      "token    ",
      "",
      "SSH   REQUIRED",
      "git   ",
      "",
    ].join("\n"),
  );
});

test("an outline of something that cannot be planned fails as the build would", async () => {
  expect(answer("outline", "FROM alpine\nEXPOSE x\n").answer).rejects.toThrow(
    "invalid containerPort: x\nDockerfile:2\n",
  );
});

test("a check looks at every stage, and knows the variables of images", async () => {
  const file = "FROM node:20 AS One\nLABEL v=$NODE_VERSION x=$NOT_THERE\nFROM alpine\nMAINTAINER me\n";
  const { json, text, warnings } = await answer("check", file).answer;
  expect(warnings.map(({ rule }) => rule)).toEqual(["StageNameCasing", "UndefinedVar", "MaintainerDeprecated"]);
  const { warnings: shown, sources, ...rest } = JSON.parse(json) as Record<string, Record<string, unknown>[]>;
  expect(shown?.[1]).toEqual({
    ruleName: "UndefinedVar",
    description: "Variables should be defined before their use",
    url: "https://docs.docker.com/go/dockerfile/rule/undefined-var/",
    detail: "Usage of undefined variable '$NOT_THERE'",
    location: at(2),
  });
  expect(sources).toEqual([{ filename: "Dockerfile", language: "Dockerfile", data: base64(file) }]);
  expect(rest).toEqual({});
  expect(text).toStartWith("Check complete, 3 warnings have been found!\n");
});

test("a check with a target looks at what the target needs", async () => {
  const file = "FROM alpine AS one\nLABEL a b\nFROM alpine AS two\nLABEL c d\n";
  const { warnings } = await answer("check", file, { request: { target: "one" } }).answer;
  expect(warnings.map(({ locations }) => locations[0]?.startLine)).toEqual([2]);
});

test("a check tells what would make the build fail", async () => {
  const { json, text, warnings } = await answer("check", "FROM alpine AS A\nEXPOSE x\n").answer;
  expect((JSON.parse(json) as Record<string, unknown>).buildError).toEqual({
    message: "invalid containerPort: x",
    location: at(2),
  });
  expect(text).toContain("\nERROR: invalid containerPort: x\nDockerfile:2\n");
  expect(warnings).toHaveLength(1);
});

test("a check that finds nothing says so", async () => {
  expect((await answer("check", "FROM alpine\n").answer).text).toBe("Check complete, no warnings found.\n");
});
