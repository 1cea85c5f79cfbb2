import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { SolveRequest } from "../../src/builder/builder.ts";
import type { DirectoryRequest } from "../../src/builder/session.ts";
import { EngineError } from "../../src/base/errors.ts";
import { encodeEnd, packFile } from "../../src/formats/tar/packer.ts";
import { gantry, start } from "../cli/gantry.ts";
import { until } from "../harness/until.ts";
import {
  createFakeBuilder,
  type FakeBuild,
  type FakeBuilder,
  type FakeBuilderOptions,
  IMAGE_ID,
} from "./fake-builder.ts";
import { serveBuilder } from "./serve-builder.ts";

/** A daemon with a fake builder, and a directory `context` with a Dockerfile. */
async function served(options: FakeBuilderOptions = {}, limits: { silenceMs?: number } = {}) {
  const builder = createFakeBuilder(options);
  const daemon = await serveBuilder(builder, limits);
  const context = `${daemon.directory}/context`;
  const files = (all: Record<string, string | Uint8Array>) => {
    for (const [path, content] of Object.entries(all)) {
      mkdirSync(dirname(`${context}/${path}`), { recursive: true });
      writeFileSync(`${context}/${path}`, content);
    }
  };
  files({ Dockerfile: "FROM scratch\n" });
  const run = (args: string[], more: Parameters<typeof gantry>[2] = {}) => gantry(daemon.host, args, more);
  return { builder, daemon, context, files, run, [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose]() };
}

/** Brings all files of one of the client's directories. */
async function bring(
  { session, signal }: FakeBuild,
  request: Partial<DirectoryRequest> = {},
): Promise<Map<string, string>> {
  const names: string[] = [];
  const contents = new Map<string, string>();
  await session.receive(
    { name: "context", include: [], exclude: [], followPaths: [], ...request },
    {
      entry({ path, type, linkName }, index) {
        names[index] = path;
        contents.set(path, type === "file" ? "" : type === "symlink" ? `-> ${linkName}` : "/");
        return type === "file" && linkName === "";
      },
      data: async (index, bytes) => {
        const path = names[index] ?? "";
        contents.set(path, (contents.get(path) ?? "") + Buffer.from(bytes).toString("latin1"));
      },
      end: () => undefined,
    },
    signal,
  );
  return contents;
}

const only = (builder: FakeBuilder): SolveRequest => {
  expect(builder.requests.length).toBe(1);
  return builder.requests[0] as SolveRequest;
};

test("the request arrives as it was asked for; -q prints the ID alone", async () => {
  await using served_ = await served();
  const { run, builder, context, daemon } = served_;
  const line = [
    "build",
    "-q",
    "-t",
    "app:1",
    "--target",
    "t",
    "--build-arg",
    "A=1",
    "--label",
    "l=v",
    "--platform",
    "linux/arm64",
  ];
  line.push(
    "--add-host",
    "h:1.2.3.4",
    "--ulimit",
    "nofile=5",
    "-m",
    "64m",
    "--no-cache-filter",
    "s",
    "--iidfile",
    `${daemon.directory}/id`,
  );
  line.push(
    "--metadata-file",
    `${daemon.directory}/meta`,
    "--build-context",
    `other=${context}`,
    "--provenance",
    "mode=min",
    "--timestamp",
    "9",
  );
  expect(await run([...line, context])).toEqual({ code: 0, out: `${IMAGE_ID}\n`, err: "" });
  const request = only(builder);
  expect(request).toMatchObject({
    fileName: "Dockerfile",
    target: "t",
    buildArgs: { A: "1" },
    labels: { l: "v" },
    platforms: ["linux/arm64"],
    extraHosts: ["h:1.2.3.4"],
    ulimits: [{ name: "nofile", soft: 5, hard: 5 }],
    resources: { memoryBytes: 64 << 20 },
    noCache: ["s"],
    epochSeconds: 9,
    attestations: { provenance: "min", sbom: false },
  });
  expect(request.context).toMatchObject({ kind: "session", name: "context" });
  expect(request.namedContexts["other"]).toMatchObject({ kind: "session" });
  expect(builder.outputs).toEqual([
    [{ type: "image", names: ["docker.io/library/app:1"], push: false, attributes: {} }],
  ]);
  expect(builder.outcomes).toEqual([undefined]);
  expect(readFileSync(`${daemon.directory}/id`, "utf8")).toBe(IMAGE_ID);
  const metadata = JSON.parse(readFileSync(`${daemon.directory}/meta`, "utf8")) as Record<string, string>;
  expect(metadata["containerimage.digest"]).toBe(IMAGE_ID);
  expect(metadata["buildx.build.ref"]).toMatch(/^default\/default\/[0-9a-f]{32}$/);
});

test("the same directory has the same key in every build, another one another", async () => {
  await using s = await served();
  s.files({ "sub/Dockerfile": "" });
  for (const path of [s.context, `${s.context}/sub/..`, `${s.context}/sub`])
    expect((await s.run(["build", "-q", path])).code).toBe(0);
  const keys = s.builder.requests.map(({ context }) => (context?.kind === "session" ? context.sharedKey : ""));
  expect(keys[0]).toMatch(/^[0-9a-f]{64}$/);
  expect(keys[1]).toBe(keys[0] as string);
  expect(keys[2]).not.toBe(keys[0] as string);
});

test("files of every size arrive whole; what is excluded does not; links are links", async () => {
  const big = "0123456789abcdef".repeat(200_000);
  let got = new Map<string, string>();
  let some = new Map<string, string>();
  await using s = await served({
    async solve(_request, build) {
      [got, some] = await Promise.all([
        bring(build, { exclude: ["skip", "*.log", "!keep.log"] }),
        bring(build, { include: ["dir"], followPaths: ["link"] }),
      ]);
      return undefined;
    },
  });
  const small = Object.fromEntries(Array.from({ length: 3000 }, (_, index) => [`many/${index}`, `content ${index}`]));
  s.files({ big, empty: "", "dir/a": "a", "skip/x": "", "a.log": "", "keep.log": "k", ...small });
  symlinkSync("big", `${s.context}/link`);
  expect((await s.run(["build", "-q", s.context])).err).toBe("");
  expect(got.get("big")).toBe(big);
  expect(got.get("empty")).toBe("");
  expect(got.get("link")).toBe("-> big");
  expect(got.has("skip") || got.has("a.log")).toBe(false);
  expect(got.get("keep.log")).toBe("k");
  for (const [path, content] of Object.entries(small)) expect(got.get(path)).toBe(content);
  expect([...some.keys()]).toEqual(["big", "dir", "dir/a", "link"]);
});

test("a receiver that is slow holds the client back, and one that fails ends the transfer with its words", async () => {
  let received = 0;
  await using s = await served({
    async solve(_request, { session, signal }) {
      const sink = {
        entry: () => true,
        data: async (_index: number, bytes: Uint8Array) => {
          await Bun.sleep(1);
          received += bytes.byteLength;
          if (received > 3_000_000) throw new EngineError("internal", "no space left on device");
        },
        end: () => undefined,
      };
      await session.receive({ name: "context", include: ["big"], exclude: [], followPaths: [] }, sink, signal);
      return undefined;
    },
  });
  s.files({ big: new Uint8Array(8_000_000) });
  const { code, err } = await s.run(["build", "-q", s.context]);
  expect(code).toBe(1);
  expect(err).toContain("ERROR: failed to build: failed to solve: no space left on device");
  expect(s.builder.outcomes).toEqual(["no space left on device"]);
});

test("a directory that the client does not offer is not found", async () => {
  await using s = await served({ solve: async (_request, build) => void (await bring(build, { name: "/etc" })) });
  expect((await s.run(["build", "-q", s.context])).err).toContain("no local directory /etc");
});

test("a Dockerfile from standard input, beside a context and without one", async () => {
  const seen: [string | undefined, Map<string, string>][] = [];
  await using s = await served({
    async solve({ context, dockerfile, fileName }, build) {
      const name = dockerfile?.kind === "session" ? dockerfile.name : "";
      seen.push([context?.kind, await bring(build, { name, include: [fileName], followPaths: [fileName] })]);
      return undefined;
    },
  });
  const stdin = "FROM scratch\nLABEL a=b\n";
  expect((await s.run(["build", "-q", "-f", "-", s.context], { stdin })).code).toBe(0);
  expect((await s.run(["build", "-q", "-"], { stdin })).code).toBe(0);
  const files = new Map([["Dockerfile", stdin]]);
  expect(seen).toEqual([
    ["session", files],
    [undefined, files],
  ]);
});

test("an archive on standard input is the context", async () => {
  let bytes = 0;
  await using s = await served({
    async solve({ context }) {
      if (context?.kind === "archive") for await (const chunk of context.archive) bytes += chunk.byteLength;
      return undefined;
    },
  });
  const entry = {
    name: Buffer.from("Dockerfile"),
    mode: 0o644,
    uid: 0,
    gid: 0,
    modifiedAt: { seconds: 0n, nanoseconds: 0 },
  };
  const tar = Buffer.concat([packFile(entry, Buffer.from("FROM scratch\n".repeat(300_000))), encodeEnd()]);
  const child = Bun.spawn(
    [process.execPath, "--no-env-file", `${import.meta.dir}/../../src/bin/gantry.ts`, "build", "-q", "-"],
    {
      env: { PATH: process.env["PATH"] ?? "", DOCKER_HOST: s.daemon.host, HOME: "/nonexistent" },
      stdin: new Blob([tar]),
      stdout: "pipe",
    },
  );
  expect(await child.exited).toBe(0);
  expect(bytes).toBe(tar.length);
});

test("a Dockerfile outside of the context is a directory of its own; one inside is a path in it", async () => {
  await using s = await served();
  s.files({ "sub/Other": "" });
  writeFileSync(`${s.daemon.directory}/Outside`, "");
  await s.run(["build", "-q", "-f", `${s.context}/sub/Other`, s.context]);
  await s.run(["build", "-q", "-f", `${s.daemon.directory}/Outside`, s.context]);
  const [inside, outside] = s.builder.requests;
  expect([inside?.fileName, inside?.dockerfile]).toEqual(["sub/Other", undefined]);
  expect(outside).toMatchObject({ fileName: "Outside", dockerfile: { kind: "session", name: "dockerfile" } });
});

test.each<[string, SolveRequest["context"]]>([
  ["https://example.com/a/b.git#main:dir", { kind: "git", url: "https://example.com/a/b.git#main:dir" }],
  ["git@example.com:a/b", { kind: "git", url: "git@example.com:a/b" }],
  ["github.com/a/b", { kind: "git", url: "github.com/a/b" }],
  ["https://example.com/a.tar.gz", { kind: "http", url: "https://example.com/a.tar.gz" }],
])("%s is fetched by the daemon", async (url, expected) => {
  await using s = await served();
  expect((await s.run(["build", "-q", url])).code).toBe(0);
  expect(only(s.builder).context).toEqual(expected);
});

test("secrets, an agent and accounts are there when they are asked for, and only those that were offered", async () => {
  const answers: unknown[] = [];
  await using s = await served({
    async solve(_request, { session, signal }) {
      const text = async (id: string) => {
        const value = await session.secret(id, signal);
        return value === undefined ? undefined : Buffer.from(value).toString();
      };
      answers.push(await text("file"), await text("variable"), await text("empty"), await text("/etc/shadow"));
      answers.push(await session.hasAgent("default", signal), await session.hasAgent("other", signal));
      const agent = await session.openAgent("default", signal);
      agent.write("ping");
      answers.push(String(await new Promise((resolve) => agent.once("data", resolve))));
      agent.destroy();
      answers.push(await session.credentials("host:5000", signal), await session.credentials("elsewhere", signal));
      return undefined;
    },
  });
  writeFileSync(`${s.daemon.directory}/token`, "from a file");
  const socket = `${s.daemon.directory}/agent.sock`;
  const agent = Bun.listen({
    unix: socket,
    socket: { data: (client, data) => void client.write(`pong ${data.toString()}`) },
  });
  const auths = JSON.stringify({ auths: { "host:5000": { auth: Buffer.from("me:pw").toString("base64") } } });
  const environment = { SSH_AUTH_SOCK: socket, VAR: "from a variable", NONE: "", DOCKER_AUTH_CONFIG: auths };
  const line = [
    "build",
    "-q",
    "--ssh",
    "default",
    "--secret",
    `id=file,src=${s.daemon.directory}/token`,
    "--secret",
    "id=variable,env=VAR",
  ];
  const { err } = await s.run([...line, "--secret", "id=empty,env=NONE", s.context], { environment });
  agent.stop(true);
  expect(err).toBe("");
  const account = { username: "me", password: "pw", identityToken: "" };
  expect(answers).toEqual([
    "from a file",
    "from a variable",
    "",
    undefined,
    true,
    false,
    "pong ping",
    account,
    undefined,
  ]);
});

function tarOf(files: Record<string, string>): Uint8Array {
  const entry = { mode: 0o640, uid: 0, gid: 0, modifiedAt: { seconds: 1_600_000_000n, nanoseconds: 0 } };
  return Buffer.concat([
    ...Object.entries(files).map(([name, content]) =>
      packFile({ ...entry, name: Buffer.from(name) }, Buffer.from(content)),
    ),
    encodeEnd(),
  ]);
}

/** Sends `tar` to every output. */
function sending(tar: Uint8Array): FakeBuilderOptions {
  return {
    async exported(outputs, { session, signal }) {
      const archive = async function* () {
        yield tar;
      };
      for (const output of outputs) {
        if (output.type === "local") {
          const directory = { archive, entries: () => fail(), read: () => fail() };
          await session.sendDirectory(output.id, directory, signal);
        } else if (output.type !== "image" && output.type !== "none")
          await session.sendArchive(output.id, archive(), signal);
      }
      return { imageId: undefined };
    },
  };
}

function fail(): never {
  throw new Error("our client takes archives");
}

test("outputs go into a directory, a file and standard output", async () => {
  const tar = tarOf({ a: "content", "sub/b": "more" });
  await using s = await served(sending(tar));
  const { directory } = s.daemon;
  const run = await s.run([
    "build",
    "-q",
    "-o",
    `${directory}/out`,
    "-o",
    `type=tar,dest=${directory}/out.tar`,
    s.context,
  ]);
  expect(run.err).toBe("");
  expect(readFileSync(`${directory}/out/a`, "utf8")).toBe("content");
  expect(readFileSync(`${directory}/out/sub/b`, "utf8")).toBe("more");
  expect(readFileSync(`${directory}/out.tar`).equals(tar)).toBe(true);
  const child = start(s.daemon.host, ["build", "--progress", "quiet", "-o", "-", s.context]);
  expect(Buffer.from(await child.stdout.bytes()).equals(tar)).toBe(true);
  expect(await child.exited).toBe(0);
});

test.each([
  ["climbs out", { "../outside": "x" }, "climbs out"],
  ["goes through a link of the user's", { "link/x": "x" }, "leads elsewhere"],
])("an output that %s is refused, and the build fails", async (_what, files, message) => {
  await using s = await served(sending(tarOf(files)));
  const { directory } = s.daemon;
  mkdirSync(`${directory}/out`);
  mkdirSync(`${directory}/elsewhere`);
  symlinkSync(`${directory}/elsewhere`, `${directory}/out/link`);
  const { code, err } = await s.run(["build", "-q", "-o", `${directory}/out`, s.context]);
  expect([code, err]).toEqual([1, expect.stringContaining(message)]);
  expect(existsSync(`${directory}/outside`)).toBe(false);
  expect(readdirSync(`${directory}/elsewhere`)).toEqual([]);
  expect(s.builder.outcomes[0]).toContain(message);
});

test("a daemon that sends an output nobody asked for writes nothing", async () => {
  await using s = await served({
    async exported(_outputs, { session, signal }) {
      await session.sendArchive(
        "7",
        (async function* () {
          yield new Uint8Array(10);
        })(),
        signal,
      );
      return undefined;
    },
  });
  expect((await s.run(["build", "-q", s.context])).err).toContain("not asked for");
});

test("a client that goes away cancels its build", async () => {
  const begun = Promise.withResolvers<void>();
  await using s = await served({
    async solve(_request, { signal }) {
      begun.resolve();
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("canceled"))));
      return undefined;
    },
  });
  const child = start(s.daemon.host, ["build", "-q", s.context]);
  await begun.promise;
  child.kill("SIGINT");
  expect(await child.exited).toBe(130);
  expect(await child.stderr.text()).toContain("canceled");
  await until("the build has ended", () => s.builder.outcomes.length === 1 || undefined);
  expect([s.builder.canceled, s.builder.outcomes]).toEqual([1, ["canceled"]]);
});

test("a client that says nothing for too long is cut off", async () => {
  await using s = await served(
    {
      solve: (_request, { signal }) =>
        new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("gone")))),
    },
    { silenceMs: 300 },
  );
  const child = start(s.daemon.host, ["build", "-q", s.context]);
  await until("the build has begun", () => s.builder.requests.length === 1 || undefined);
  child.kill("SIGSTOP");
  await until("the build has ended", () => s.builder.outcomes.length === 1 || undefined);
  child.kill("SIGKILL");
  await child.exited;
  expect(s.builder.outcomes).toEqual(["gone"]);
});

test("progress goes to standard error in lines, warnings after it", async () => {
  const at = new Date();
  await using s = await served({
    async solve(_request, { tell }) {
      const vertex = {
        digest: "a",
        inputs: [],
        name: "[1/1] RUN x",
        startedAt: at,
        completedAt: undefined,
        cached: false,
        error: "",
        stage: "",
        step: "",
      };
      tell({ kind: "vertex", vertex });
      tell({ kind: "log", vertex: "a", stream: 1, data: Buffer.from("hello ☃\n"), at });
      tell({ kind: "vertex", vertex: { ...vertex, completedAt: at } });
      const warning = {
        rule: "R",
        description: "d",
        url: "",
        message: "m",
        fileName: "Dockerfile",
        locations: [{ startLine: 1, endLine: 1 }],
        source: "FROM scratch\n",
      };
      return { warnings: [warning] };
    },
  });
  const { code, out, err } = await s.run(["build", "-t", "x", s.context]);
  expect([code, out]).toEqual([0, ""]);
  expect(err).toBe(
    "#1 [1/1] RUN x\n#1 0.000 hello ☃\n#1 DONE 0.0s\n\n 1 warning found (use --debug to expand):\n - R: m (line 1)\n",
  );
});

test("a thousand lines a step, from twenty steps at once, all arrive before the command ends", async () => {
  const at = new Date();
  await using s = await served({
    async solve(_request, { tell }) {
      for (let step = 0; step < 20; step++) {
        const vertex = {
          digest: `v${step}`,
          inputs: [],
          name: `RUN ${step}`,
          startedAt: at,
          completedAt: at,
          cached: false,
          error: "",
          stage: "",
          step: "",
        };
        tell({ kind: "vertex", vertex: { ...vertex, completedAt: undefined } });
        for (let line = 0; line < 1000; line++)
          tell({ kind: "log", vertex: vertex.digest, stream: 1, data: Buffer.from(`line ${line}\n`), at });
        tell({ kind: "vertex", vertex });
      }
      return undefined;
    },
  });
  const { err } = await s.run(["build", "-t", "x", s.context]);
  expect(err.match(/ line \d+\n/g)?.length).toBe(20_000);
  expect(err.match(/DONE/g)?.length).toBe(20);
});

test("--check says what was found, with the code 1", async () => {
  const warning = {
    rule: "R",
    description: "d",
    url: "https://x",
    message: "m",
    fileName: "Dockerfile",
    locations: [{ startLine: 1, endLine: 1 }],
    source: "FROM scratch\n",
  };
  await using s = await served({ call: { json: '{"warnings":[]}', text: "text", warnings: [warning] } });
  const found = await s.run(["build", "--check", s.context]);
  expect(found.code).toBe(1);
  expect(found.out).toStartWith("Check complete, 1 warning has been found!\n\nWARNING: R - https://x\n");
  expect((await s.run(["build", "--call", "outline,format=json", s.context])).out).toBe('{"warnings":[]}\n');
  expect((await s.run(["build", "--call", "outline", s.context])).out).toBe("text\n");
});

test.each([
  [["build", "/nonexistent/dir"], 'path "/nonexistent/dir" not found'],
  [["build", "-f", "/nonexistent/file", "."], "/nonexistent/file: no such file or directory"],
  [["build", "-f", "-", "-"], "can't use stdin for both"],
  [["build", "--secret", "id=a,src=/nonexistent/s", "."], "/nonexistent/s: no such file or directory"],
  [["build", "--ssh", "default", "."], "make sure SSH_AUTH_SOCK is set"],
  [["build", "--ssh", "default=/etc/passwd", "."], "ssh-add /etc/passwd"],
  [["build", "--progress", "tty", "."], "--progress=tty needs a terminal"],
  [["build", "--build-context", "a=/nonexistent/c", "."], "failed to get build context a"],
  [["build", "--output", "type=local,dest=/etc/passwd", "."], "/etc/passwd is a file"],
  [["build", "-o", "-", "-o", "type=oci", "."], "only one output"],
])("%p is refused before a daemon is asked", async (line, message) => {
  const { code, err } = await gantry("unix:///nonexistent/socket", line);
  expect([code, err]).toEqual([1, expect.stringContaining(message)]);
});

test("no daemon is Docker's words", async () => {
  const { code, err } = await gantry("unix:///nonexistent/socket", ["build", "."]);
  expect([code, err]).toEqual([
    1,
    expect.stringContaining("Cannot connect to the Docker daemon at unix:///nonexistent/socket"),
  ]);
});
