import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type ServerWritableStream, status } from "@grpc/grpc-js";
import {
  type BuildKitClient,
  connectBuildKit,
  type Handlers,
  type Message,
  offerSession,
  refusal,
} from "../api/buildkit-peer.ts";
import { BRIDGE, CONTROL } from "../api/buildx-build.ts";
import { auth, fileSync } from "../api/session-handlers.ts";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { runProgram } from "../harness/run-program.ts";
import { until } from "../harness/until.ts";

/** What clients do by the bridge besides a plain build: look into results, ask for images, take results as contexts. */
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

let builds = 0;
/** cap_net_bind_service=ep */
const CAPABILITY = Buffer.from("0100000200040000000000000000000000000000", "hex");

/** A build that its client steers, and one solve of it. */
class Steered {
  readonly ref = `bridge-${++builds}`;
  answer: Promise<Message> = Promise.resolve({});
  #session: Disposable | undefined;

  async begin(dockerfile: string, exporters: Message[] = [], more: Handlers = {}): Promise<void> {
    const files = [
      { path: "Dockerfile", content: dockerfile },
      { path: "here", content: "here", xattrs: { "security.capability": CAPABILITY } },
    ];
    const handlers = { ...fileSync({ context: files, dockerfile: files }), ...auth({}), ...more };
    this.#session = await offerSession(daemon.socket, { id: `s-${this.ref}`, handlers });
    this.answer = client.call(`${CONTROL}/Solve`, { Ref: this.ref, Session: `s-${this.ref}`, Exporters: exporters });
    this.answer.catch(() => undefined);
  }

  call(method: string, request: Message): Promise<Message> {
    return client.call(`${BRIDGE}/${method}`, request, { "buildkit-controlapi-buildid": this.ref });
  }

  async solve(options: Message = {}, inputs: Message = {}): Promise<Message> {
    const flags = { allowResultReturn: true, allowResultArrayRef: true, Evaluate: true };
    const request = { Frontend: "dockerfile.v0", FrontendOpt: options, FrontendInputs: inputs, ...flags };
    return (await this.call("Solve", request))["result"] as Message;
  }

  async end(result: Message): Promise<Message> {
    await this.call("Return", { result });
    const answer = await this.answer;
    this.#session?.[Symbol.dispose]();
    return answer;
  }
}

/** What buildx sends for `contexts = { NAME = "target:TARGET" }`. @see buildx build/build.go `waitContextDeps` */
function targetContext(name: string, target: string, result: Message): { options: Message; inputs: Message } {
  const options: Message = {};
  const inputs: Message = {};
  const add = (suffix: string, ref: Message, config: Buffer) => {
    inputs[target + suffix] = ref["def"];
    options[`context:${name}${suffix}`] = `input:${target}${suffix}`;
    const metadata = { "containerimage.config": config.toString("base64") };
    options[`input-metadata:${target}${suffix}`] = JSON.stringify(metadata);
  };
  for (const [platform, ref] of Object.entries(result["refs"]?.refs ?? {})) {
    add(`::${platform}`, ref as Message, result["metadata"][`containerimage.config/${platform}`]);
  }
  if (result["ref"]) add("", result["ref"], result["metadata"]["containerimage.config"]);
  return { options, inputs };
}

test("a client reads files, ranges, directories and kinds of what it has built", async () => {
  const build = new Steered();
  await build.begin(
    "FROM busybox\nRUN mkdir -p /d/sub && echo hello > /d/f && chown 5:6 /d/f && chmod 4711 /d/f && ln -s f /d/link && ln -s /etc/passwd /d/up\nRUN rm /d/sub -r && mkdir /d/other",
  );
  const { ref } = await build.solve();
  const asked = { Ref: ref.id as string };
  const read = async (path: string, range?: Message) =>
    String((await build.call("ReadFile", { ...asked, FilePath: path, Range: range }))["Data"]);
  expect(await read("/d/f")).toBe("hello\n");
  expect(await read("d/../d/link", { Offset: 1, Length: 3 })).toBe("ell");
  expect(await read("/d/f", { Offset: 100 })).toBe("");
  expect(await read("/d/up")).toStartWith("root:");
  const names = async (pattern?: string) => {
    const request = { ...asked, DirPath: "/d", IncludePattern: pattern };
    return ((await build.call("ReadDir", request))["entries"] as Message[]).map(({ path }) => path as string);
  };
  expect(await names()).toEqual(["f", "link", "other", "up"]);
  expect(await names("[fl]*")).toEqual(["f", "link"]);
  const [, link] = (await build.call("ReadDir", { ...asked, DirPath: "d" }))["entries"];
  expect(link).toMatchObject({ path: "link", linkname: "f" });
  const { stat } = await build.call("StatFile", { ...asked, Path: "/d/link" });
  expect(stat).toMatchObject({ path: "link", uid: 5, gid: 6, mode: 2 ** 23 + 0o711 });
  expect(await refusal(read("/d/none"))).toBe("NOT_FOUND: lstat /d/none: no such file or directory");
  expect(await refusal(read("/d/sub"))).toStartWith("NOT_FOUND");
  expect(await refusal(read("/d"))).toBe("INVALID_ARGUMENT: /d is not a regular file");
  expect(await refusal(build.call("ReadDir", { ...asked, DirPath: "/d/f" }))).toStartWith("INVALID_ARGUMENT");
  expect(await refusal(build.call("StatFile", { Ref: "other", Path: "/" }))).toBe("NOT_FOUND: No such ref: other");
  expect((await build.call("StatFile", { ...asked, Path: "/" }))["stat"].mode).toBe(2 ** 31 + 0o755);
  await build.end({ ref });
});

test("a client asks for an image as FROM would take it", async () => {
  const build = new Steered();
  await build.begin("FROM scratch\nCOPY here /");
  const image = await daemon.call<Message>("GET", "/images/busybox/json");
  const found = await build.call("ResolveImageConfig", { Ref: "busybox" });
  expect(JSON.parse(String(found["Config"]))).toMatchObject({
    os: "linux",
    rootfs: { diff_ids: image["RootFS"].Layers },
  });
  expect(found["Digest"]).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(found["Ref"]).toStartWith("docker.io/library/busybox:latest");
  const source = { identifier: "docker-image://docker.io/library/busybox:latest" };
  const meta = await build.call("ResolveSourceMeta", {
    Source: source,
    Platform: { OS: "linux", Architecture: "amd64" },
  });
  expect(String(meta["Image"].Config)).toBe(String(found["Config"]));
  expect(meta["Source"].identifier).toStartWith("docker-image://docker.io/library/busybox:latest");
  const git = build.call("ResolveSourceMeta", { Source: { identifier: "git://example.com/x.git" } });
  expect(await refusal(git)).toStartWith("UNIMPLEMENTED: only images can be resolved");
  expect(await refusal(build.call("ResolveImageConfig", { Ref: "UPPER" }))).toStartWith("INVALID_ARGUMENT");
  await build.end(await build.solve());
});

test("docker buildx bake: a target is the base and a source of another one, while it goes on", async () => {
  const y = new Steered();
  await y.begin("FROM busybox\nENV MADE=y\nRUN echo of y > /y", [{ Type: "moby", Attrs: { name: "bake-y" } }]);
  const made = await y.solve();
  const x = new Steered();
  await x.begin("FROM base\nCOPY --from=files /y /copied\nRUN cat /y /copied > /both && echo $MADE >> /both", [
    { Type: "moby", Attrs: { name: "bake-x" } },
  ]);
  const [base, files] = [targetContext("base", "y", made), targetContext("files", "y", made)];
  const inputs = { ...base.inputs, ...files.inputs };
  const result = await x.solve({ ...base.options, ...files.options }, inputs);
  await y.end(made);
  await x.end(result);
  const said = await daemon.client(["/usr/bin/docker", "run", "--rm", "bake-x", "cat", "/both"]);
  expect(said.stdout).toBe("of y\nof y\ny\n");
  const [layers, below] = await Promise.all(
    ["bake-x", "bake-y"].map(
      async (name) => (await daemon.call<Message>("GET", `/images/${name}/json`))["RootFS"].Layers,
    ),
  );
  expect(layers.slice(0, below.length)).toEqual(below);
});

test("a result is a context of a build that begins when its own is over; by platform where it was built so", async () => {
  const y = new Steered();
  await y.begin("FROM busybox\nRUN echo of y > /late");
  const made = await y.solve({ "multi-platform": "true" });
  await y.end(made);
  const x = new Steered();
  await x.begin("FROM scratch\nCOPY --from=base /late /");
  const { options, inputs } = targetContext("base", "y", made);
  const { ref } = await x.solve(options, inputs);
  expect(String((await x.call("ReadFile", { Ref: ref.id, FilePath: "late" }))["Data"])).toBe("of y\n");
  await x.end({ ref });
  await client.collect(`${CONTROL}/Prune`, { all: true });
  const after = new Steered();
  await after.begin("FROM base\nRUN true");
  expect(await refusal(after.solve(options, inputs))).toContain("not in the cache any more");
  await after.end({});
});

test("a context that is another build definition, or none at all, is refused", async () => {
  const build = new Steered();
  await build.begin("FROM base\nCOPY here /");
  const foreign = { def: [Buffer.from("1a070a056c6f63616c", "hex"), Buffer.from("0a020a00", "hex")] };
  const options = { "context:base": "input:y" };
  expect(await refusal(build.solve(options, { y: foreign }))).toStartWith("INVALID_ARGUMENT");
  expect(await refusal(build.solve(options))).toBe("NOT_FOUND: No such input: y");
  // Nothing: the empty tree.
  const { ref } = await build.solve(options, { y: { def: [] } });
  const { entries } = await build.call("ReadDir", { Ref: ref.id, DirPath: "/" });
  expect(entries.map(({ path }: Message) => path as string)).toEqual(["here"]);
  await build.end({ ref });
});

/** containerd's content service over the blobs of a layout, as buildx offers it for `oci-layout://`. */
function contentOf(layout: string, store: string, spoil: (bytes: Buffer) => Buffer = (bytes) => bytes): Handlers {
  return {
    "containerd.services.content.v1.Content": {
      Read(call: ServerWritableStream<Message, Message>) {
        const path = join(layout, "blobs", String(call.request.digest).replace(":", "/"));
        const isKnown =
          String(call.metadata.get("buildkit-attachable-store-id")[0]) === `oci:${store}` && existsSync(path);
        if (!isKnown) return void call.emit("error", { code: status.NOT_FOUND, details: "content not found" });
        call.write({ offset: 0, data: spoil(readFileSync(path)) });
        call.end();
      },
    },
  };
}

test("an image in a layout of the client is a context, and no image of the engine", async () => {
  const layout = join(daemon.directory, "layout");
  const archive = join(daemon.directory, "layout.tar");
  const base = new Steered();
  await base.begin("FROM busybox\nENV LAYOUT=yes\nRUN echo in a layout > /here", [
    { Type: "moby", Attrs: { name: "to-layout" } },
  ]);
  await base.end(await base.solve());
  await daemon.client(["/usr/bin/docker", "save", "-o", archive, "to-layout"]);
  mkdirSync(layout);
  await runProgram(["tar", "-xf", archive, "-C", layout]);
  await daemon.call("DELETE", "/images/to-layout?force=1");
  await client.collect(`${CONTROL}/Prune`, { all: true });
  const index = JSON.parse(readFileSync(join(layout, "index.json"), "utf8")) as Message;
  const digest = index["manifests"][0].digest as string;
  const options = { "context:base": `oci-layout://store:tag@${digest}` };
  const solve = async (handlers: Handlers) => {
    const build = new Steered();
    await build.begin("FROM base\nRUN cat /here > /copied && echo $LAYOUT >> /copied", [], handlers);
    try {
      const { ref } = await build.solve(options);
      return String((await build.call("ReadFile", { Ref: ref.id, FilePath: "/copied" }))["Data"]);
    } finally {
      await build.end({});
    }
  };
  expect(await solve(contentOf(layout, "store"))).toBe("in a layout\nyes\n");
  expect(await daemon.call<Message[]>("GET", "/images/json?all=1")).toHaveLength(3);
  await client.collect(`${CONTROL}/Prune`, { all: true });
  const spoilt = contentOf(layout, "store", (bytes) => Buffer.concat([bytes.subarray(0, -1), Buffer.from("!")]));
  expect(await refusal(solve(spoilt))).toContain("wrong digest");
  expect(await refusal(solve(contentOf(layout, "other")))).toStartWith("NOT_FOUND");
  expect(await refusal(solve({}))).toContain("this client offers no directory for it");
});

test("a capability of a client's file is in the image's layer, also of a copy with another owner", async () => {
  for (const flag of ["", "--chown=1 "]) {
    const build = new Steered();
    await build.begin(`FROM scratch\nCOPY ${flag}here /`, [{ Type: "moby", Attrs: { name: "capable" } }]);
    await build.end(await build.solve());
    const archive = join(daemon.directory, "capable.tar");
    await daemon.client(["/usr/bin/docker", "save", "-o", archive, "capable"]);
    const saved = readFileSync(archive);
    expect(saved.includes(Buffer.concat([Buffer.from("SCHILY.xattr.security.capability="), CAPABILITY]))).toBe(true);
  }
});

test("the history is told while it is made: builds begin, end, are pinned and deleted", async () => {
  const told: string[] = [];
  const all = client.service(CONTROL)["ListenBuildHistory"]?.({}) as NodeJS.EventEmitter & { cancel(): void };
  const onlyOther = client.service(CONTROL)["ListenBuildHistory"]?.({ Ref: "other" }) as typeof all;
  const over = new Promise((resolve) => all.on("error", resolve));
  onlyOther.on("error", () => undefined);
  all.on("data", ({ type, record }: Message) => {
    const last = `${record.Ref} ${["started", "complete", "deleted"][type as number]}${record.pinned === true ? " pinned" : ""}`;
    if (told.at(-1) !== last) told.push(last);
  });
  onlyOther.on("data", ({ record }: Message) => told.push(`other: ${record.Ref}`));
  await until("the past is told", () => told.length > 0);
  told.length = 0;
  const build = new Steered();
  await build.begin("FROM scratch\nCOPY here /");
  await until("it has begun", () => told.length === 1);
  const update = (request: Message) => client.call(`${CONTROL}/UpdateBuildHistory`, { Ref: build.ref, ...request });
  expect(await refusal(update({ Pinned: true }))).toBe(`ALREADY_EXISTS: build ${build.ref} is running`);
  await build.end(await build.solve());
  await until("it is over", () => told.length === 2);
  await update({ Pinned: true });
  await until("it is pinned", () => told.length === 3);
  await update({ Finalize: true });
  await update({ Delete: true });
  await until("it is deleted", () => told.length === 4);
  const { ref } = build;
  expect(told).toEqual([`${ref} started`, `${ref} complete`, `${ref} complete pinned`, `${ref} deleted pinned`]);
  all.cancel();
  onlyOther.cancel();
  await over;
});

test("nothing is left", async () => {
  expect(await daemon.leakCheck()).toEqual([]);
});
