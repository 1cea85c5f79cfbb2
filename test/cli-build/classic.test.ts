import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { gantry } from "../cli/gantry.ts";

interface Seen {
  query: URLSearchParams;
  body: Uint8Array;
  accounts: unknown;
}

/** A daemon as Docker's: no build stream, and a `POST /build` that notes what came. */
function classicDaemon(lines: unknown[] = [{ stream: "Step 1/1 : FROM scratch\n" }, { aux: { ID: "sha256:c0ffee" } }]) {
  const directory = mkdtempSync(`${tmpdir()}/gantry-classic-`);
  const seen: Seen[] = [];
  const server = Bun.serve({
    unix: `${directory}/d.sock`,
    async fetch(request) {
      const { pathname, searchParams } = new URL(request.url);
      if (pathname.endsWith("/version")) return Response.json({});
      if (!pathname.endsWith("/build") || pathname.endsWith("/gantry/build"))
        return Response.json({ message: "page not found" }, { status: 404 });
      const accounts: unknown = JSON.parse(
        Buffer.from(request.headers.get("x-registry-config") ?? "", "base64url").toString(),
      );
      seen.push({ query: searchParams, body: await request.bytes(), accounts });
      return new Response(lines.map((line) => `${JSON.stringify(line)}\r\n`).join(""));
    },
  });
  const context = `${directory}/context`;
  mkdirSync(`${context}/sub`, { recursive: true });
  for (const name of ["Dockerfile", "kept", "left-out", "sub/file"]) writeFileSync(`${context}/${name}`, `${name}\n`);
  return {
    directory,
    context,
    seen,
    run: (args: string[], more: Parameters<typeof gantry>[2] = {}) => gantry(`unix://${directory}/d.sock`, args, more),
    [Symbol.dispose]() {
      void server.stop(true);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Names in an archive, as tar(1) reads them. */
function listed(archive: Uint8Array): string[] {
  const { stdout, exitCode } = Bun.spawnSync(["tar", "-tf", "-"], { stdin: archive });
  expect(exitCode).toBe(0);
  return stdout.toString().trim().split("\n");
}

test("a daemon that is not Gantry gets an archive, without what is ignored", async () => {
  using daemon = classicDaemon();
  writeFileSync(`${daemon.context}/.dockerignore`, "left-out\nsub\nDockerfile\n.dockerignore\n");
  symlinkSync("kept", `${daemon.context}/link`);
  const line = [
    "build",
    "-t",
    "a:1",
    "-t",
    "b",
    "--build-arg",
    "X=1",
    "--no-cache",
    "-m",
    "1g",
    "--target",
    "t",
    daemon.context,
  ];
  const { code, out } = await daemon.run(line, {
    environment: { DOCKER_AUTH_CONFIG: '{"auths":{"h":{"username":"u","password":"p"}}}' },
  });
  expect([code, out]).toEqual([0, "Step 1/1 : FROM scratch\n"]);
  const [{ query, body, accounts } = { query: new URLSearchParams(), body: new Uint8Array(0), accounts: undefined }] =
    daemon.seen;
  expect(listed(body)).toEqual([".dockerignore", "Dockerfile", "kept", "link"]);
  expect(query.getAll("t")).toEqual(["docker.io/library/a:1", "docker.io/library/b:latest"]);
  expect(Object.fromEntries(query)).toMatchObject({
    dockerfile: "Dockerfile",
    buildargs: '{"X":"1"}',
    nocache: "1",
    memory: String(1 << 30),
    target: "t",
    rm: "1",
    version: "1",
  });
  expect(accounts).toMatchObject({ h: { username: "u" } });
});

test("a Dockerfile from elsewhere goes along under a name of its own, and with its own ignore file", async () => {
  using daemon = classicDaemon();
  expect((await daemon.run(["build", "-q", "-f", "-", daemon.context], { stdin: "FROM x\n" })).out).toBe(
    "sha256:c0ffee\n",
  );
  const [{ query, body } = { query: new URLSearchParams(), body: new Uint8Array(0) }] = daemon.seen;
  expect(query.get("dockerfile")).toBe(".dockerfile.gantry");
  expect(listed(body)).toContain(".dockerfile.gantry");
  writeFileSync(`${daemon.context}/Other`, "");
  writeFileSync(`${daemon.context}/Other.dockerignore`, "*\n!kept\n");
  await daemon.run(["build", "-q", "-f", `${daemon.context}/Other`, daemon.context]);
  expect(listed(daemon.seen[1]?.body ?? new Uint8Array(0))).toEqual(["Other", "kept"]);
});

test("a URL is left to the daemon, an archive goes through as it is", async () => {
  using daemon = classicDaemon();
  await daemon.run(["build", "-q", "https://example.com/x.git"]);
  expect(daemon.seen[0]?.query.get("remote")).toBe("https://example.com/x.git");
  expect(daemon.seen[0]?.body.byteLength).toBe(0);
});

test("an error of the stream is the command's", async () => {
  using daemon = classicDaemon([
    { stream: "Step 1/1\n" },
    { errorDetail: { code: 2, message: "returned a non-zero code: 2" }, error: "x" },
  ]);
  const { code, err } = await daemon.run(["build", daemon.context]);
  expect([code, err]).toEqual([1, expect.stringContaining("returned a non-zero code: 2")]);
});

test.each([
  [["--secret", "id=a,env=HOME"], "no --secret"],
  [["-o", "out"], "no --output type=local"],
  [["--check"], "no --call check"],
  [["--platform", "linux/amd64,linux/arm64"], "no several platforms"],
])("%p cannot be had of such a daemon", async (flags, message) => {
  using daemon = classicDaemon();
  const { code, err } = await daemon.run(["build", ...flags, daemon.context]);
  expect([code, err, daemon.seen.length]).toEqual([1, expect.stringContaining(message), 0]);
});
