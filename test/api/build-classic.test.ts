import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { EngineError, invalid } from "../../src/base/errors.ts";
import type { SolveRequest } from "../../src/builder/builder.ts";
import { until } from "../harness/until.ts";
import { createFakeBuilder, DONE, digestOf, IMAGE_ID, log, readArchive, vertex } from "./fake-builder.ts";
import { type ServedApi, serveFake } from "./harness.ts";

let builder = createFakeBuilder();
let api: ServedApi | undefined;

beforeEach(async () => {
  await api?.[Symbol.asyncDispose]();
  builder = createFakeBuilder();
  api = await serveFake({ builder });
});
afterAll(() => api?.[Symbol.asyncDispose]());

interface Line {
  stream?: string;
  aux?: unknown;
  error?: string;
  errorDetail?: { code?: number; message: string };
  id?: string;
  status?: string;
  progressDetail?: unknown;
}

async function build(query: string, headers: Record<string, string> = {}) {
  const options = { rawBody: "a tar", headers };
  const answer = await served().request("POST", `/build?${query}`, options);
  const lines = answer.status === 200 ? answer.text.trim().split("\r\n").filter(Boolean) : [];
  return { ...answer, lines: lines.map((line) => JSON.parse(line) as Line) };
}

function served(): ServedApi {
  if (api === undefined) throw new Error("no server");
  return api;
}

const textOf = (lines: Line[]) => lines.map(({ stream = "" }) => stream).join("");
const messageIn = (text: string) => (JSON.parse(text) as { message: string }).message;

describe("each parameter of POST /build becomes the builder's", () => {
  const json = (value: unknown) => encodeURIComponent(JSON.stringify(value));
  const cases: [query: string, expected: Partial<SolveRequest>][] = [
    ["", { fileName: "Dockerfile", network: "default", platforms: [], labels: {}, pull: false, squash: false }],
    ["dockerfile=a%2FDockerfile.x", { fileName: "a/Dockerfile.x" }],
    [
      "remote=https://example.com/x.git%23main:sub",
      { context: { kind: "git", url: "https://example.com/x.git#main:sub" } },
    ],
    ["remote=git@example.com:x", { context: { kind: "git", url: "git@example.com:x" } }],
    ["remote=http://example.com/x.tar", { context: { kind: "http", url: "http://example.com/x.tar" } }],
    ["nocache=1", { noCache: [] }],
    ["nocache=false", { noCache: undefined } as unknown as Partial<SolveRequest>],
    [`cachefrom=${json(["a:1"])}`, { cacheFrom: [{ type: "registry", attributes: { ref: "a:1" } }] }],
    ["cachefrom=null", { cacheFrom: [] }],
    ["pull=1", { pull: true }],
    ["memory=1048576", { resources: { memoryBytes: 1_048_576 } }],
    ["memswap=-1", { resources: { memorySwapBytes: -1 } }],
    ["memory=lots", { resources: {} }],
    ["cpushares=5", { resources: { cpuShares: 5 } }],
    ["cpuperiod=100000&cpuquota=5000", { resources: { cpuPeriodUs: 100_000, cpuQuotaUs: 5000 } }],
    ["cpusetcpus=0-1&cpusetmems=0", { resources: { cpusetCpus: "0-1", cpusetMems: "0" } }],
    [`buildargs=${json({ A: "1", gone: null, __proto__: "x" })}`, { buildArgs: { A: "1" } }],
    [`buildargs=${json({ SOURCE_DATE_EPOCH: "7" })}`, { epochSeconds: 7 }],
    ["shmsize=65536", { shmSizeBytes: 65_536 }],
    ["shmsize=0", { shmSizeBytes: undefined } as unknown as Partial<SolveRequest>],
    ["squash=1", { squash: true }],
    [`labels=${json({ a: "b" })}`, { labels: { a: "b" } }],
    ["networkmode=host", { network: "host", entitlements: ["network.host"] }],
    ["networkmode=bridge", { network: "default" }],
    ["networkmode=mynet", { network: "mynet" }],
    ["platform=linux%2Farm64", { platforms: ["linux/arm64"] }],
    [`platform=${json({ os: "linux", architecture: "arm", variant: "v7" })}`, { platforms: ["linux/arm/v7"] }],
    ["target=build", { target: "build" }],
    ["extrahosts=a:1.2.3.4&extrahosts=b:host-gateway", { extraHosts: ["a:1.2.3.4", "b:host-gateway"] }],
    [`ulimits=${json([{ Name: "nofile", Soft: 1, Hard: 2 }])}`, { ulimits: [{ name: "nofile", soft: 1, hard: 2 }] }],
    ["cgroupparent=%2Fx", { cgroupParent: "/x" }],
    ["isolation=default", {}],
  ];
  test.each(cases)("%s", async (query, expected) => {
    expect((await build(query)).status).toBe(200);
    expect(builder.requests[0] as SolveRequest).toMatchObject(expected);
  });

  test("the body is the context, and t names the image, each once and with a tag", async () => {
    let archive = "";
    builder.onSolve(async ({ request }) => {
      archive = new TextDecoder().decode(await readArchive(request.context));
    });
    await build("t=x&t=host:5000/y:1&t=x:latest");
    expect(archive).toBe("a tar");
    expect(builder.exports[0]?.outputs).toEqual([
      { type: "image", names: ["x:latest", "host:5000/y:1"], push: false, attributes: {} },
    ]);
  });

  test("X-Registry-Config gives accounts by host, Hub's under its name", async () => {
    const config = {
      "https://index.docker.io/v1/": { username: "u", password: "p" },
      "host:5000": { auth: Buffer.from("a:b").toString("base64") },
      "empty.example": {},
    };
    await build("", { "X-Registry-Config": Buffer.from(JSON.stringify(config)).toString("base64url") });
    expect(builder.requests[0]?.accounts).toEqual({
      "docker.io": { username: "u", password: "p", identityToken: "" },
      "host:5000": { username: "a", password: "b", identityToken: "" },
    });
  });
});

describe("what is wrong with a request is refused before anything is built", () => {
  const cases: [query: string, text: string | RegExp][] = [
    ["t=UPPER", /invalid reference format: repository name .*must be lowercase/],
    ["t=a:b:c:d", "invalid reference format"],
    [`t=x@sha256:${"a".repeat(64)}`, "build tag cannot contain a digest"],
    ["version=3", 'invalid version "3"'],
    ["buildargs=nonsense", /^error reading build args: /],
    ["buildargs=%7B%22A%22%3A1%7D", /cannot unmarshal/],
    ["labels=[]", /^error reading labels: /],
    ["cachefrom={}", /^error reading cache-from: /],
    ["ulimits={}", /^error reading ulimit settings: /],
    ["version=2&outputs={}", /^invalid outputs specified: /],
    ["shmsize=big", 'strconv.ParseInt: parsing "big": invalid syntax'],
    ["isolation=hyperv", 'unsupported isolation: "hyperv"'],
    ["securityopt=[]", "The daemon on this platform does not support setting security options on build"],
    ["remote=nowhere", "remoteURL (nowhere) could not be recognized as URL"],
    ["remote=client-session", "a context of the client needs its session"],
    ["buildargs=%7B%22SOURCE_DATE_EPOCH%22%3A%22x%22%7D", "invalid SOURCE_DATE_EPOCH: x"],
  ];
  test.each(cases)("%s", async (query, text) => {
    const answer = await build(query);
    expect(answer.status).toBe(400);
    expect(messageIn(answer.text)).toMatch(text);
    expect(builder.requests).toEqual([]);
  });
});

/** Two steps and one that only changes the config, as the builder tells them. */
const FROM = "[1/2] FROM busybox";
const RUN = "[2/2] RUN make";
const STEPS = [
  { text: "FROM busybox", vertex: digestOf(FROM) },
  { text: "ENV a=b", vertex: undefined },
  { text: "RUN make", vertex: digestOf(RUN) },
];
const SHORT = { from: digestOf(FROM).slice(7, 19), run: digestOf(RUN).slice(7, 19), box: digestOf(RUN).slice(-12) };

describe("the classic protocol's text", () => {
  test("steps come in order although they run side by side, then the image and its names", async () => {
    builder.onSolve(async ({ emit }) => {
      emit({ kind: "steps", steps: STEPS });
      emit(vertex("[internal] load build definition", { stage: "", step: "", ...DONE }));
      emit(vertex(RUN));
      emit(log(RUN, "one\ntw"));
      emit(vertex(FROM, { cached: true, ...DONE }));
      emit(log(RUN, "o\n", 2));
      emit(vertex(RUN, DONE));
    });
    const { lines, headers } = await build("t=x");
    expect(headers.get("content-type")).toBe("application/json");
    expect(textOf(lines)).toBe(`Step 1/3 : FROM busybox
 ---> ${SHORT.from}
Step 2/3 : ENV a=b
 ---> ${SHORT.from}
Step 3/3 : RUN make
 ---> Running in ${SHORT.box}
one
two
Removing intermediate container ${SHORT.box}
 ---> ${SHORT.run}
Successfully built ${IMAGE_ID.slice(7, 19)}
Successfully tagged x:latest
`);
    expect(lines.filter(({ aux }) => aux !== undefined)).toEqual([{ aux: { ID: IMAGE_ID } }]);
    expect(builder.finished.map(({ error }) => error)).toEqual([undefined]);
  });

  test("a cached step says so; with rm=0 nothing is removed; without a plan the vertices are the steps", async () => {
    builder.onSolve(async ({ emit }) => {
      emit(vertex("[build 1/2] COPY . .", { step: "1/2", cached: true, ...DONE }));
      emit(vertex("[build 2/2] RUN make", { step: "2/2", ...DONE }));
    });
    const id = digestOf("[build 2/2] RUN make");
    expect(textOf((await build("rm=0")).lines)).toBe(`Step 1/2 : COPY . .
 ---> Using cache
 ---> ${digestOf("[build 1/2] COPY . .").slice(7, 19)}
Step 2/2 : RUN make
 ---> Running in ${id.slice(-12)}
 ---> ${id.slice(7, 19)}
Successfully built ${IMAGE_ID.slice(7, 19)}
`);
  });

  test("progress of a FROM has the lines of a pull", async () => {
    builder.onSolve(async ({ emit }) => {
      emit(vertex(FROM));
      const startedAt = new Date();
      const id = `sha256:${"ab".repeat(32)}`;
      const common = { kind: "progress", vertex: digestOf(FROM), id, name: "Downloading", startedAt } as const;
      emit({ ...common, current: 5, total: 10, completedAt: undefined });
      emit(vertex(FROM, DONE));
    });
    const { lines } = await build("");
    expect(lines.filter(({ status }) => status !== undefined)).toEqual([
      { id: "abababababab", status: "Downloading", progressDetail: { current: 5, total: 10 } },
    ]);
  });

  test("characters that are cut in two by chunks stay whole", async () => {
    const [first, second] = [Buffer.from("é").subarray(0, 1), Buffer.from("é").subarray(1)];
    builder.onSolve(async ({ emit }) => {
      emit(vertex(RUN));
      for (const data of [first, second]) emit({ kind: "log", vertex: digestOf(RUN), stream: 1, data, at: new Date() });
      emit(vertex(RUN, DONE));
    });
    expect(textOf((await build("")).lines)).toContain("\né");
  });

  test("a quiet build says the ID only", async () => {
    builder.onSolve(async ({ emit }) => emit(vertex(FROM, DONE)));
    expect((await build("q=1")).lines).toEqual([{ stream: `${IMAGE_ID}\n` }]);
  });

  const fail = async ({ emit }: { emit: (event: ReturnType<typeof vertex>) => void }) => {
    emit({ kind: "steps", steps: STEPS });
    emit(vertex(RUN));
    emit(log(RUN, "no rule\n"));
    emit(vertex(RUN, { ...DONE, error: "failed" }));
    throw invalid('process "/bin/sh -c make \\"x\\"" did not complete successfully: exit code: 2');
  };

  test("a RUN that fails is told with its output and its code, though the steps before it are not done", async () => {
    builder.onSolve(fail);
    const { status, lines } = await build("");
    const message = "The command '/bin/sh -c make \"x\"' returned a non-zero code: 2";
    expect(status).toBe(200);
    expect(textOf(lines)).toBe(`Step 3/3 : RUN make\n ---> Running in ${SHORT.box}\nno rule\n`);
    expect(lines.at(-1)).toEqual({ errorDetail: { code: 2, message }, error: message });
    expect(builder.exports).toEqual([]);
  });

  test("a quiet build that fails shows what it kept back", async () => {
    builder.onSolve(fail);
    const { lines } = await build("q=1");
    expect(textOf(lines)).toContain("no rule\n");
    expect(lines.at(-1)?.errorDetail?.code).toBe(2);
  });

  test("what a step says before its turn is kept up to a limit, the end of it", async () => {
    builder.onSolve(async ({ emit }) => {
      emit({ kind: "steps", steps: STEPS });
      emit(vertex(RUN));
      for (let line = 0; line < 40_000; line++) emit(log(RUN, `${line} ${"x".repeat(60)}\n`));
      emit(vertex(FROM, DONE));
      emit(vertex(RUN, DONE));
    });
    const text = textOf((await build("")).lines);
    expect(text.length).toBeLessThan(1.3 * 1024 * 1024);
    expect(text).toContain(`39999 ${"x".repeat(60)}\n`);
  });

  test("a Dockerfile that is wrong is an HTTP error, in the parser's words", async () => {
    builder.onSolve(async ({ emit }) => {
      emit(vertex("[internal] load build definition", { stage: "", step: "" }));
      throw invalid("dockerfile parse error on line 1: unknown instruction: FORM");
    });
    const { status, text } = await build("");
    expect([status, messageIn(text)]).toEqual([400, "dockerfile parse error on line 1: unknown instruction: FORM"]);
  });

  test("an image that there is not is 404, and a bug of ours is 500", async () => {
    builder.onSolve(async () => {
      throw new EngineError("not-found", "pull access denied for x");
    });
    expect((await build("")).status).toBe(404);
    builder.onSolve(async () => {
      throw new TypeError("undefined is no function");
    });
    expect((await build("")).status).toBe(500);
  });
});

describe("the end of a build before its time", () => {
  test("a client that goes away cancels it", async () => {
    const begun = Promise.withResolvers<AbortSignal>();
    builder.onSolve(({ emit, signal }) => {
      emit(vertex(FROM));
      begun.resolve(signal);
      return new Promise(() => undefined);
    });
    const raw = served().raw();
    raw.send("POST /build HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    const signal = await begun.promise;
    await raw.until("Step 1/1");
    raw.close();
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
    expect(signal.aborted).toBe(true);
    await until("the builder knows", () => builder.cancelled.length === 1);
  });

  test("POST /build/cancel ends the build of that buildid, and needs one", async () => {
    builder.onSolve(({ emit }) => {
      emit(vertex(FROM));
      return new Promise(() => undefined);
    });
    const running = build("buildid=mine");
    await served().request("POST", "/build/cancel?id=other");
    await until("the build has begun", () => builder.requests.length > 0);
    expect((await served().request("POST", "/build/cancel?id=mine")).status).toBe(200);
    expect((await running).lines.at(-1)?.error).toBe("context canceled");
    expect(builder.cancelled).toEqual(["other", "mine"]);
    expect(messageIn((await served().request("POST", "/build/cancel")).text)).toBe("build ID not provided");
  });
});
