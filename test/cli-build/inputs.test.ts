import { expect, test } from "bun:test";
import { existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { EngineError } from "../../src/base/errors.ts";
import type { SolveRequest } from "../../src/builder/builder.ts";
import { encodeEnd, packFile } from "../../src/formats/tar/packer.ts";
import { type FakeBuilder, IMAGE_ID } from "./fake-builder.ts";
import { bring, served } from "./served.ts";

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

const sshTest = test.skipIf(!existsSync("/usr/bin/ssh-keygen") || !existsSync("/usr/bin/ssh-add"));

sshTest(
  "a key file is offered as an agent that has it: ssh-add lists it, and nothing of it is sent before it is asked",
  async () => {
    let listed = "";
    await using s = await served({
      async solve(_request, { session, signal }) {
        const socket = `${s.daemon.directory}/forwarded.sock`;
        const server = createServer((client) => {
          void session.openAgent("git", signal).then((agent) => client.pipe(agent).pipe(client));
        });
        await new Promise<void>((resolve) => server.listen(socket, resolve));
        const child = Bun.spawn(["ssh-add", "-L"], { env: { SSH_AUTH_SOCK: socket }, stdout: "pipe" });
        listed = await child.stdout.text();
        await new Promise((resolve) => server.close(resolve));
        return undefined;
      },
    });
    const key = `${s.daemon.directory}/key`;
    Bun.spawnSync(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "me@here", "-f", key]);
    expect((await s.run(["build", "-q", "--ssh", `git=${key}`, s.context])).err).toBe("");
    expect(listed).toBe(readFileSync(`${key}.pub`, "utf8"));
    Bun.spawnSync(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", `${key}2`]);
    const locked = await s.run(["build", "-q", "--ssh", `git=${key}2`, s.context]);
    expect([locked.code, locked.err]).toEqual([
      1,
      expect.stringContaining(`protected by a passphrase; add it to your agent with 'ssh-add ${key}2'`),
    ]);
  },
);
