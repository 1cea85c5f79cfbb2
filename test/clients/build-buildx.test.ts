import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { type BuildKitClient, connectBuildKit, type Message, offerSession } from "../api/buildkit-peer.ts";
import { buildAsBuildx, CONTROL } from "../api/buildx-build.ts";
import { auth, type ClientFile, directoryTarget, fileSync, secrets } from "../api/session-handlers.ts";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { runProgram } from "../harness/run-program.ts";

/**
 * buildx is in no package of Debian 12. In its place: a client with the calls of its docker driver, in their order, on another gRPC
 * than ours; what it does is judged by dockerd in test/peers/buildkit-client.test.ts.
 */
let daemon: TestDaemon;
let client: BuildKitClient;

beforeAll(async () => {
  daemon = await startDaemon();
  client = await connectBuildKit(daemon.socket);
}, 60_000);
afterAll(async () => {
  client?.[Symbol.dispose]();
  await daemon?.[Symbol.asyncDispose]();
}, 60_000);

const FILES: ClientFile[] = [
  {
    path: "Dockerfile",
    content:
      "FROM busybox AS a\nCOPY hello.txt /\nRUN --mount=type=secret,id=s cat /hello.txt /run/secrets/s > /both\nFROM scratch AS b\nCOPY --from=a /both /both\n",
  },
  { path: "hello.txt", content: "hello " },
];

let builds = 0;

async function build(options: Message, solve: Message, more: Parameters<typeof offerSession>[1]["handlers"] = {}) {
  const ref = `ref-${++builds}`;
  const handlers = {
    ...fileSync({ context: FILES, dockerfile: FILES }),
    ...secrets({ s: "secret" }),
    ...auth({}),
    ...more,
  };
  using _session = await offerSession(daemon.socket, { id: `session-${builds}`, handlers });
  const status = client.collect(`${CONTROL}/Status`, { Ref: ref });
  const built = await buildAsBuildx(client, { ref, options, solve: { Session: `session-${builds}`, ...solve } });
  return { ref, ...built, status: await status };
}

test("docker buildx build -t: the image is here, and its steps were told", async () => {
  const { answer, result, status } = await build(
    { filename: "Dockerfile", target: "a", "label:made.by": "buildx" },
    { Exporters: [{ Type: "moby", Attrs: { name: "docker.io/library/bx:latest" } }] },
  );
  const inspect = await daemon.call<Message>("GET", "/images/bx/json");
  expect(answer["ExporterResponse"]).toMatchObject({ "containerimage.config.digest": inspect["Id"] });
  expect(inspect["Config"].Labels).toEqual({ "made.by": "buildx" });
  const config = JSON.parse(String(result["metadata"]["containerimage.config"])) as Message;
  expect(config["config"].Labels).toEqual({ "made.by": "buildx" });
  const vertexes = status.flatMap((one) => one["vertexes"] as Message[]);
  const run = vertexes.filter(({ name }) => String(name).includes("RUN --mount")).at(-1);
  expect(run?.["completed"]).not.toBeNull();
  const said = await daemon.client(["/usr/bin/docker", "run", "--rm", "bx", "cat", "/both"]);
  expect(said.stdout).toBe("hello secret");
});

test("docker buildx build -o: files go to the client's directory", async () => {
  const packets: Message[] = [];
  await build({ target: "b" }, { Exporters: [{ Type: "local", Attrs: {} }] }, directoryTarget(packets));
  const names = packets.filter(({ type, stat }) => type === 0 && stat !== null).map(({ stat }) => stat.path as string);
  expect(names).toEqual(["both"]);
});

test("docker buildx build -o type=oci: an archive in OCI layout", async () => {
  const chunks: Buffer[] = [];
  await build(
    { target: "b" },
    { Exporters: [{ Type: "oci", Attrs: { name: "docker.io/library/x:1" } }] },
    {
      "moby.filesync.v1.FileSend": {
        DiffCopy(stream: Message) {
          stream["on"]("data", ({ data }: Message) => chunks.push(data));
          stream["on"]("end", () => stream["end"]());
        },
      },
    },
  );
  const archive = join(mkdtempSync(join(daemon.directory, "oci-")), "x.tar");
  await Bun.write(archive, Buffer.concat(chunks));
  const listed = await runProgram(["tar", "-tf", archive]);
  expect(listed.stdout.split("\n")).toContain("index.json");
});

test("docker buildx build --call: checks, outline and targets", async () => {
  for (const [id, text] of [
    ["frontend.lint", "warnings"],
    ["frontend.outline", "name"],
    ["frontend.targets", "targets"],
  ]) {
    const { result } = await build(
      { requestid: id, "frontend.caps": "moby.buildkit.frontend.subrequests+forward" },
      {},
    );
    expect(Object.keys(JSON.parse(String(result["metadata"]["result.json"])) as object)).toContain(text ?? "");
  }
});

test("docker buildx du, prune and history", async () => {
  const usage = async () => (await client.call(`${CONTROL}/DiskUsage`, {}))["record"] as Message[];
  expect((await usage()).length).toBeGreaterThan(0);
  const history = await client.collect(`${CONTROL}/ListenBuildHistory`, { EarlyExit: true });
  expect(history.map(({ record }) => record.Ref as string)).toContain("ref-1");
  const told = await client.collect(`${CONTROL}/Status`, { Ref: "ref-1" });
  expect(told.flatMap(({ vertexes }) => vertexes).length).toBeGreaterThan(0);
  await client.call(`${CONTROL}/UpdateBuildHistory`, { Ref: "ref-1", Delete: true });
  const left = await client.collect(`${CONTROL}/ListenBuildHistory`, { EarlyExit: true, Ref: "ref-1" });
  expect(left).toEqual([]);
  await client.collect(`${CONTROL}/Prune`, { all: true });
  expect(await usage()).toEqual([]);
});

test("a build that fails has BuildKit's words, and no image", async () => {
  const files = [{ path: "Dockerfile", content: "FROM busybox\nRUN exit 6\n" }];
  const failed = build(
    {},
    { Exporters: [{ Type: "moby", Attrs: { name: "no:1" } }] },
    fileSync({ context: files, dockerfile: files }),
  );
  const error = await failed.catch((one: Message) => one);
  expect(String((error as Message)["details"])).toContain(
    'process "/bin/sh -c exit 6" did not complete successfully: exit code: 6',
  );
  await daemon.call("GET", "/images/no:1/json", undefined, [404]);
});

test("nothing is left when every container is removed", async () => {
  expect(await daemon.leakCheck()).toEqual([]);
});
