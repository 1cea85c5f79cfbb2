import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { status } from "@grpc/grpc-js";
import { invalid } from "../../src/base/errors.ts";
import { type BuildKitClient, connectBuildKit, type Message, offerSession, refusal } from "./buildkit-peer.ts";
import { BRIDGE, buildAsBuildx, CONTROL } from "./buildx-build.ts";
import { createFakeBuilder, DONE, IMAGE_ID, log, receiveAll, vertex } from "./fake-builder.ts";
import { type ServedApi, serveFake } from "./harness.ts";
import { fileSync, secrets } from "./session-handlers.ts";

let builder = createFakeBuilder();
let api: ServedApi | undefined;
let client: BuildKitClient;

beforeEach(async () => {
  builder = createFakeBuilder();
  api = await serveFake({ builder });
  client = await connectBuildKit(api.socketPath);
});
afterEach(async () => {
  client[Symbol.dispose]();
  await api?.[Symbol.asyncDispose]();
});

function socketPath(): string {
  if (api === undefined) throw new Error("no server");
  return api.socketPath;
}

const build = (options: Message, solve: Message = {}) => buildAsBuildx(client, { ref: "ref1", options, solve });

describe("a build as buildx's docker driver does it", () => {
  test("from the first call to the image", async () => {
    builder.onSolve(async ({ session, signal, emit }) => {
      emit(vertex("[1/1] COPY . .", DONE));
      const { contents } = await receiveAll(session, { name: "context" }, signal);
      emit(log("[1/1] COPY . .", contents.get("Dockerfile") ?? ""));
    });
    using _session = await offerSession(socketPath(), {
      id: "s1",
      handlers: fileSync({ context: [{ path: "Dockerfile", content: "FROM scratch" }] }),
    });
    const watched = client.collect(`${CONTROL}/Status`, { Ref: "ref1" });
    const { answer, result, capabilities } = await build(
      { filename: "Dockerfile", "build-arg:A": "1" },
      {
        Session: "s1",
        Exporters: [{ Type: "moby", Attrs: { name: "docker.io/library/x:latest,docker.io/library/y:1" } }],
        Cache: { Exports: [{ Type: "inline" }] },
        Entitlements: ["network.host"],
      },
    );
    expect(answer["ExporterResponse"]).toEqual({
      "containerimage.digest": IMAGE_ID,
      "containerimage.config.digest": IMAGE_ID,
    });
    expect(capabilities).toContain("gateway.solve.evaluate");
    expect(JSON.parse(String(result["metadata"]["containerimage.config"]))).toMatchObject({ os: "linux" });
    expect(builder.exports as unknown[]).toEqual([
      {
        outputs: [
          {
            type: "image",
            names: ["docker.io/library/x:latest", "docker.io/library/y:1"],
            push: false,
            attributes: { name: "docker.io/library/x:latest,docker.io/library/y:1" },
          },
        ],
        cacheTo: [{ type: "inline", attributes: {} }],
      },
    ]);
    expect(builder.requests[0]).toMatchObject({ buildArgs: { A: "1" }, entitlements: ["network.host"] });
    const messages = await watched;
    expect(messages.flatMap(({ vertexes }) => vertexes.map(({ name }: Message) => name))).toEqual(["[1/1] COPY . ."]);
    expect(messages.flatMap(({ logs }) => logs.map(({ msg }: Message) => String(msg)))).toEqual(["FROM scratch"]);
    expect(builder.finished).toEqual([{ ref: "ref1", error: undefined }]);
  });

  test("several platforms are several refs, named in the metadata", async () => {
    const { result } = await build({ platform: "linux/amd64,linux/arm/v7" });
    expect(Object.keys(result["refs"].refs)).toEqual(["linux/amd64", "linux/arm/v7"]);
    expect(JSON.parse(String(result["metadata"]["refs.platforms"]))).toEqual({
      Platforms: [
        { ID: "linux/amd64", Platform: { os: "linux", architecture: "amd64" } },
        { ID: "linux/arm/v7", Platform: { os: "linux", architecture: "arm", variant: "v7" } },
      ],
    });
    expect(Object.keys(result["metadata"])).toContain("containerimage.config/linux/arm/v7");
  });

  test("a client that fails says so, and the build has its error", async () => {
    const own = { "buildkit-controlapi-buildid": "ref1" };
    const answer = refusal(client.call(`${CONTROL}/Solve`, { Ref: "ref1" }));
    await client.call(`${BRIDGE}/Return`, { error: { code: 3, message: "nö" } }, own);
    expect(await answer).toBe("INVALID_ARGUMENT: nö");
    expect(builder.finished).toEqual([{ ref: "ref1", error: "nö" }]);
    expect(builder.exports).toEqual([]);
  });

  test("a Dockerfile that is wrong is the answer of Solve", async () => {
    builder.onSolve(async () => {
      throw invalid("Dockerfile:1\n>>> FORM\nunknown instruction: FORM");
    });
    expect(await refusal(build({}))).toBe("INVALID_ARGUMENT: Dockerfile:1\n>>> FORM\nunknown instruction: FORM");
  });

  test("without a ref, or with one that nobody began, the bridge refuses", async () => {
    expect(await refusal(client.call(`${BRIDGE}/Ping`, {}))).toMatch(/^INVALID_ARGUMENT: /);
    const own = { "buildkit-controlapi-buildid": "ref1" };
    const answer = refusal(client.call(`${CONTROL}/Solve`, { Ref: "ref1" }));
    expect(await refusal(client.call(`${BRIDGE}/Evaluate`, { Ref: "x" }, own))).toBe("NOT_FOUND: No such ref: x");
    client[Symbol.dispose]();
    await answer;
  });

  test("when the client's call is cancelled, so is the build", async () => {
    const begun = Promise.withResolvers<AbortSignal>();
    builder.onSolve(({ signal }) => {
      begun.resolve(signal);
      return new Promise(() => undefined);
    });
    const request = { Ref: "r", Frontend: "dockerfile.v0" };
    const call = client.service(CONTROL)["Solve"]?.(request, () => undefined) as { cancel(): void };
    const signal = await begun.promise;
    call.cancel();
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
    expect(signal.aborted).toBe(true);
  });

  test("a deadline ends the call with its status", async () => {
    builder.onSolve(() => new Promise(() => undefined));
    const failed = Promise.withResolvers<Message>();
    const options = { deadline: Date.now() + 100 };
    client.service(CONTROL)["Solve"]?.({ Ref: "r", Frontend: "dockerfile.v0" }, options, failed.resolve);
    expect((await failed.promise)["code"]).toBe(status.DEADLINE_EXCEEDED);
  });
});

describe("the other calls", () => {
  test("subrequests give their answer as metadata, and nothing is made", async () => {
    const { answer, result } = await build({ requestid: "frontend.lint", filename: "x" });
    expect(builder.calls).toMatchObject([{ call: "check", request: { fileName: "x" } }]);
    expect(String(result["metadata"]["result.json"])).toBe('{"call":"check"}');
    expect(String(result["metadata"]["result.txt"])).toBe("text of check");
    expect(String(result["metadata"]["result.statuscode"])).toBe("0");
    expect(answer["ExporterResponse"]).toEqual({});
    expect(builder.requests).toEqual([]);
  });

  test("what can be asked is told, and what cannot is refused", async () => {
    const { result } = await build({ requestid: "frontend.subrequests.describe" });
    const names = (JSON.parse(String(result["metadata"]["result.json"])) as Message[]).map(
      ({ name }) => name as string,
    );
    expect(names).toEqual(["frontend.lint", "frontend.outline", "frontend.targets"]);
  });

  test("workers, version and health", async () => {
    const { record } = await client.call(`${CONTROL}/ListWorkers`, {});
    expect(record[0].Labels).toHaveProperty(["org.mobyproject.buildkit.worker.snapshotter"]);
    expect(record[0].platforms[0].OS).toBe("linux");
    expect((await client.call(`${CONTROL}/Info`, {}))["buildkitVersion"]).toMatchObject({
      package: "gantry",
      version: "v0.1.0",
    });
    expect(await client.call("grpc.health.v1.Health/Check", {})).toEqual({ status: 1 });
    expect(await refusal(client.call(`${BRIDGE}/NewContainer`, {}))).toStartWith("UNIMPLEMENTED");
  });

  test("the cache is listed, filtered and pruned", async () => {
    const usage = async (...filter: string[]) => (await client.call(`${CONTROL}/DiskUsage`, { filter }))["record"];
    expect(await usage()).toMatchObject([
      { ID: "cache-1", Size: 123, Shared: true, RecordType: "regular", Parents: ["cache-0"], UsageCount: 2 },
    ]);
    expect(await usage("type==regular", 'description=="RUN make"')).toHaveLength(1);
    expect(await usage("inuse")).toEqual([]);
    expect(await refusal(usage("nonsense~=1"))).toStartWith("INVALID_ARGUMENT");
    const request = { all: true, filter: ["type==regular"], keepDuration: 1_500_000_000, keepBytes: 10 };
    expect(await client.collect(`${CONTROL}/Prune`, request)).toMatchObject([{ ID: "cache-1" }]);
    expect(builder.prunes).toEqual([
      { all: true, filters: { type: ["regular"], until: ["2s"] }, keepStorageBytes: 10 },
    ]);
  });

  test("history is listed, forgotten, and its logs are told again", async () => {
    const startedAt = new Date("2026-01-01T00:00:00Z");
    const steps = { total: 3, completed: 2, cached: 1, warnings: 0 };
    const common = {
      name: "",
      context: "",
      dockerfile: "Dockerfile",
      target: "",
      startedAt,
      steps,
      platforms: [],
      pinned: false,
    };
    builder.past.push(
      { ...common, ref: "old", completedAt: startedAt, status: "error", error: "broken", imageId: undefined },
      { ...common, ref: "now", completedAt: undefined, status: "running", error: "", imageId: undefined },
    );
    const events = await client.collect(`${CONTROL}/ListenBuildHistory`, { EarlyExit: true });
    expect(events).toMatchObject([
      { type: 1, record: { Ref: "old", error: { message: "broken" }, numTotalSteps: 3, numCompletedSteps: 2 } },
      { type: 0, record: { Ref: "now", FrontendAttrs: { filename: "Dockerfile" } } },
    ]);
    const active = await client.collect(`${CONTROL}/ListenBuildHistory`, { EarlyExit: true, ActiveOnly: true });
    expect(active).toHaveLength(1);
    const filtered = (...Filter: string[]) =>
      client.collect(`${CONTROL}/ListenBuildHistory`, { EarlyExit: true, Filter });
    expect((await filtered("status==running,ref!=x", "ref==none")).map(({ record }) => record.Ref as string)).toEqual([
      "now",
    ]);
    expect(await refusal(filtered("startedAt>1h"))).toStartWith("INVALID_ARGUMENT: invalid filter");
    expect(await client.collect(`${CONTROL}/ListenBuildHistory`, { EarlyExit: true, Limit: 1 })).toHaveLength(1);
    await client.call(`${CONTROL}/UpdateBuildHistory`, { Ref: "old", Delete: true });
    expect(builder.forgotten).toEqual(["old"]);
    const told = await client.collect(`${CONTROL}/Status`, { Ref: "old" });
    expect(told[0]?.["vertexes"][0].name).toBe("log of old");
  });

  test("a session can come through a call instead of a connection of its own", async () => {
    const { Metadata, Server, ServerCredentials } = await import("@grpc/grpc-js");
    const { duplexPair } = await import("node:stream");
    const { serviceOf } = await import("./buildkit-peer.ts");
    const server = new Server();
    for (const [name, implementation] of Object.entries(secrets({ s: "inner" }))) {
      server.addService(serviceOf(name), implementation);
    }
    const [near, far] = duplexPair();
    server.createConnectionInjector(ServerCredentials.createInsecure()).injectConnection(near);
    const metadata = new Metadata();
    metadata.set("x-docker-expose-session-uuid", "tunnel");
    const tunnel = client.service(CONTROL)["Session"]?.(metadata) as Message;
    tunnel["on"]("data", ({ data }: Message) => far.write(data));
    tunnel["on"]("error", () => far.destroy());
    far.on("data", (data: Buffer) => tunnel["write"]({ data }));
    let secret = "";
    builder.onSolve(async ({ session, signal }) => {
      secret = Buffer.from((await session?.secret("s", signal)) ?? []).toString();
    });
    await client.call(`${CONTROL}/Solve`, { Ref: "r", Session: "tunnel", Frontend: "dockerfile.v0" });
    expect(secret).toBe("inner");
    tunnel["cancel"]();
    server.forceShutdown();
  });
});
