import { describe, expect, test } from "bun:test";
import { FAKE_REQUEST, type FakeFrontend, fakeFrontendDeps } from "../../../test/harness/fake-frontend.ts";
import { EngineError } from "../../base/errors.ts";
import { planBuild } from "./plan-build.ts";

async function problemOf(dockerfile: string, given: FakeFrontend = {}): Promise<EngineError> {
  const files = { ...given.files, context: { Dockerfile: dockerfile, ...given.files?.context } };
  const request = { ...FAKE_REQUEST, ...given.request };
  const error = await planBuild(request, fakeFrontendDeps({ ...given, files })).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(EngineError);
  return error as EngineError;
}

/** What is wrong, by the line that is to blame (0: none) and the first line of the message. */
const PROBLEMS: [name: string, dockerfile: string, line: number, message: string, request?: FakeFrontend["request"]][] =
  [
    [
      "a target that is not there",
      "FROM alpine AS build\n",
      0,
      'target stage "biuld" could not be found (did you mean build?)',
      { target: "biuld" },
    ],
    [
      "a target by a number that is too large",
      "FROM alpine\n",
      0,
      'target stage "1" could not be found',
      { target: "1" },
    ],
    ["a stage index that is too large", "FROM scratch\nCOPY --from=7 a b\n", 2, "invalid stage index 7"],
    [
      "a later stage",
      "FROM scratch AS a\nCOPY --from=b x x\nFROM scratch AS b\nCOPY y y\n",
      2,
      'cannot copy from stage "b", it needs to be defined before current stage "a"',
      { target: "a" },
    ],
    [
      "a mount of a later stage",
      "FROM alpine AS a\nRUN --mount=from=b,target=/m x\nFROM alpine AS b\nRUN y\n",
      2,
      'cannot mount from stage "b" to "/m", stage needs to be defined before current command',
      { target: "a" },
    ],
    [
      "two stages that need each other",
      "FROM scratch AS a\nCOPY --from=b x x\nFROM scratch AS b\nCOPY --from=a y y\n",
      4,
      "circular dependency detected on stage: a",
    ],
    [
      "a stage that needs itself",
      "FROM scratch AS a\nCOPY x y\nCOPY --from=a x x\n",
      3,
      "circular dependency detected on stage: a",
    ],
    [
      "a stage that needs itself by number",
      "FROM scratch\nCOPY --from=0 x x\n",
      2,
      "circular dependency detected on stage: stage-0",
    ],
    [
      "a variable in --from",
      "FROM scratch\nARG S=a\nCOPY --from=$S x x\n",
      3,
      "variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround",
    ],
    ["a FROM that is empty", "ARG BASE\nFROM $BASE\n", 2, "base name ($BASE) should not be blank"],
    [
      "a FROM in upper case",
      "FROM Alpine\n",
      1,
      'failed to parse stage name "Alpine": invalid reference format: repository name (library/Alpine) must be lowercase',
    ],
    ["an empty platform", "ARG P\nFROM --platform=$P alpine\n", 2, "empty platform value from expression $P"],
    [
      "a platform that is none",
      "FROM --platform=a/b/c/d alpine\n",
      1,
      'failed to parse platform a/b/c/d: "a/b/c/d": invalid platform specifier: invalid argument',
    ],
    [
      "an image that is not there",
      "FROM alpine\nCOPY --from=nowhere:1 a b\n",
      2,
      "nowhere:1: No such image: docker.io/library/nowhere:1",
    ],
    [
      "several sources and a file",
      "FROM alpine\nCOPY a b c\n",
      2,
      "When using COPY with more than one source file, the destination must be a directory and end with a /",
    ],
    [
      "a document, a source and a file",
      "FROM alpine\nADD a <<X c\nX\n",
      2,
      "When using ADD with more than one source file, the destination must be a directory and end with a /",
    ],
    ["a COPY of a URL", "FROM alpine\nCOPY https://example.com/x /\n", 2, "source can't be a URL for COPY"],
    ["a COPY of a repository", "FROM alpine\nCOPY git@example.com:x.git /\n", 2, "source can't be a git ref for COPY"],
    [
      "a checksum of a local file",
      "FROM alpine\nADD --checksum=sha256:00 x /\n",
      2,
      "checksum requires HTTP(S) or Git sources",
    ],
    [
      "a checksum of two sources",
      "FROM alpine\nADD --checksum=sha256:00 http://e.com/a http://e.com/b /x/\n",
      2,
      "checksum can't be specified for multiple sources",
    ],
    [
      "a checksum that is none",
      "FROM alpine\nADD --checksum=sha256:00 http://e.com/a /\n",
      2,
      "invalid checksum digest length",
    ],
    [
      "a mode that is none",
      "FROM alpine\nCOPY --chmod=9 a b\n",
      2,
      "invalid chmod parameter: '9'. it should be octal string and between 0 and 07777",
    ],
    [
      "a mode that is too large",
      "FROM alpine\nCOPY --chmod=10000 a b\n",
      2,
      "invalid chmod parameter: '10000'. it should be octal string and between 0 and 07777",
    ],
    ["a mount over the root", "FROM alpine\nRUN --mount=target=/ x\n", 2, 'invalid mount target "/"'],
    ["a mount without a target", "FROM alpine\nRUN --mount=type=cache,id=x x\n", 2, 'invalid mount target ""'],
    [
      "privileges that were not granted",
      "FROM alpine\nRUN --security=insecure x\n",
      2,
      "security.insecure is not allowed: it has to be granted with --allow security.insecure",
    ],
    [
      "the host's network that was not granted",
      "FROM alpine\nRUN --network=host x\n",
      2,
      "network.host is not allowed: it has to be granted with --allow network.host",
    ],
    [
      "a network by name",
      "FROM alpine\nRUN x\n",
      2,
      'network mode "mine" not supported by buildkit',
      { network: "mine" },
    ],
    ["a signal that is none", "FROM alpine\nSTOPSIGNAL SIGNONE\n", 2, "Invalid signal: SIGNONE"],
    ["a port that is none", "FROM alpine\nEXPOSE 70000\n", 2, "invalid containerPort: 70000"],
    ["a protocol that is none", "FROM alpine\nEXPOSE 80/quic\n", 2, 'invalid port: "80/quic": invalid proto: quic'],
    [
      "a host's port range that is of another length",
      "FROM alpine\nEXPOSE 1-3:4-5\n",
      2,
      "invalid ranges specified for container and host Ports: 4-5 and 1-3",
    ],
    ["an empty volume", "FROM alpine\nVOLUME $NOT\n", 2, "VOLUME specified can not be an empty string"],
    [
      "a variable that has to be set",
      "FROM alpine\nENV A=${NOT:?missing}\n",
      2,
      'failed to process "${NOT:?missing}": NOT: missing',
    ],
    [
      "a substitution that cannot be read",
      "FROM alpine\nUSER ${A:-x\n",
      2,
      "failed to process \"${A:-x\": syntax error: missing '}'",
    ],
    [
      "SOURCE_DATE_EPOCH that is no number",
      "FROM alpine\n",
      0,
      "invalid SOURCE_DATE_EPOCH: now",
      { buildArgs: { SOURCE_DATE_EPOCH: "now" } },
    ],
    [
      "a trigger that is not allowed",
      "FROM alpine\nFROM badtrigger\n",
      2,
      `ONBUILD trigger "FROM alpine" of the base image: FROM isn't allowed as an ONBUILD trigger`,
    ],
    [
      "a trigger that cannot be read",
      "FROM worsetrigger\n",
      1,
      'ONBUILD trigger "NONSENSE here" of the base image: unknown instruction: NONSENSE',
    ],
    [
      "a file that cannot be parsed",
      "FROM alpine\nNONSENSE\n",
      2,
      "dockerfile parse error on line 2: unknown instruction: NONSENSE",
    ],
    ["a file without a stage", "# only a comment\nARG A\n", 0, "dockerfile contains no stages to build"],
    ["an empty file", " \n", 0, "the Dockerfile cannot be empty"],
    [
      "a platform of the request that is none",
      "FROM alpine\n",
      0,
      '"a/b/c/d": invalid platform specifier: invalid argument',
      { platforms: ["a/b/c/d"] },
    ],
  ];

for (const [name, dockerfile, line, message, request] of PROBLEMS) {
  test(`${name} is refused, and the line is shown`, async () => {
    const error = await problemOf(dockerfile, request === undefined ? {} : { request });
    const [first, place, rule] = error.message.split("\n");
    expect(first).toBe(message);
    expect([place, rule]).toEqual(line === 0 ? [undefined, undefined] : [`Dockerfile:${line}`, "--------------------"]);
    if (line > 0) expect(error.message).toContain(`   ${line} | >>> ${dockerfile.split("\n")[line - 1]}`);
  });
}

/** Attack 43: nothing that git could take for an option, a program or a way out. */
const HOSTILE_REPOSITORIES = [
  "ext::sh -c 'touch /pwned'",
  "fd::17",
  "https://example.com/x.git#--upload-pack=touch",
  "https://example.com/x.git#main:../../etc",
  "https://example.com/x.git#main:a/../../etc",
  "https://example.com/x.git?subdir=../etc",
  "https://example.com/x.git?ref=-x",
  "https://example.com/x.git#a..b",
  "ssh://-oProxyCommand=touch/x.git",
  "ssh://-oProxyCommand=touch@host/x.git",
  "git@host:-x",
  "https://example.com/x.git?upload-pack=touch",
  "https://example.com/x.git?ref=a&ref=b",
  "https://example.com/x.git?tag=a&branch=b",
  "https://example.com/x.git?checksum=nothex",
];

describe.each(HOSTILE_REPOSITORIES)("attack 43: git's options, programs and ways out", (url) => {
  test(`ADD of ${url} is refused`, async () => {
    const error = await problemOf(`FROM alpine\nADD ${JSON.stringify([url, "/x"])}\n`);
    expect(error.kind).toBe("invalid-argument");
    expect(error.message).toContain("Dockerfile:2");
  });
});

test("attack 43: what only looks like a repository is a path of the context", async () => {
  const sources = [
    "git@-oProxyCommand=touch:x.git",
    "-oProxyCommand=touch@host:x.git",
    "file:///etc/passwd",
    "./git@host:x",
  ];
  const dockerfile = `FROM alpine\nADD ${JSON.stringify([...sources, "/x/"])}\n`;
  const { graph } = await planBuild(FAKE_REQUEST, fakeFrontendDeps({ files: { context: { Dockerfile: dockerfile } } }));
  expect(graph.vertices.map(({ op }) => op.kind)).toEqual(["image", "context", "copy"]);
});

test("a missing image keeps its kind", async () => {
  expect((await problemOf("FROM nowhere\n")).kind).toBe("not-found");
});

test("a Dockerfile that is not there is told by its name", async () => {
  const error = await problemOf("FROM alpine", { request: { fileName: "sub/Other" } });
  expect(error.message).toBe("failed to read dockerfile: open sub/Other: no such file or directory");
});

test("a build without a context has no Dockerfile", async () => {
  const error = await problemOf("FROM alpine", { request: { context: undefined } });
  expect(error.message).toBe("failed to read dockerfile: open Dockerfile: no such file or directory");
});

test("an ignore file with a pattern that cannot be read is named", async () => {
  const error = await problemOf("FROM alpine\nCOPY . .", { files: { context: { ".dockerignore": "a[\n" } } });
  expect(error.message).toStartWith("failed parsing .dockerignore: ");
});

test("variables that double with each line end in an error, not in all of the memory", async () => {
  const lines = Array.from({ length: 40 }, () => "ENV A=$A$A");
  const error = await problemOf(`FROM alpine\nENV A=0123456789\n${lines.join("\n")}\n`);
  expect(error.kind).toBe("invalid-argument");
  expect(error.message).toMatch(/Dockerfile:\d+/);
});

test("what the checks find is an error where the Dockerfile says so", async () => {
  const error = await problemOf("# check=error=true\nFROM alpine\nMAINTAINER me\n");
  expect(error.message).toStartWith("lint violation found for rules: MaintainerDeprecated\nDockerfile:3\n");
});

/** Attack 44: a small file must not become a large plan. */
const HUGE_VALUE = `ENV A=0123456789abcdef\n${"ENV A=$A$A\n".repeat(15)}`;

const GROWING: [name: string, lines: string, message: RegExp][] = [
  ["the history", "LABEL x=$A\n".repeat(20), /^the history of the image is longer/],
  [
    "documents",
    Array.from({ length: 200 }, (_, index) => `COPY <<E /x\n${index}$A\nE`).join("\n"),
    /^documents are longer/,
  ],
];

for (const [name, lines, message] of GROWING) {
  test(`${name} that grow with every line end in an error`, async () => {
    expect((await problemOf(`FROM alpine\n${HUGE_VALUE}${lines}\n`)).message).toMatch(message);
  });
}
