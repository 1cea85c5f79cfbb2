import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { busyboxImage } from "../fixtures/busybox-image.ts";
import { type ProgramResult, runProgram } from "../harness/run-program.ts";
import { until } from "../harness/until.ts";
import { describe, digestOf, must, OCI_INDEX, OCI_MANIFEST, pushParts, putManifest } from "./push.ts";
import { registryCommand, type ServerProcess, startServer } from "./server-process.ts";

const COMMAND_TIMEOUT_MS = 60_000;

/** Skipped tests say which program is missing. */
function testOf(program: string) {
  const there = existsSync(`/usr/bin/${program}`);
  return (name: string, run: () => Promise<void>) =>
    test.skipIf(!there)(there ? name : `${name} (${program} is not installed)`, run, COMMAND_TIMEOUT_MS);
}

let folder: string;
let archive: string;
/** Open to all on plain HTTP, and with password and TLS. */
let open: ServerProcess;
let closed: ServerProcess;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "gantry-registry-clients-"));
  archive = await busyboxImage();
  writeFileSync(join(folder, "policy.json"), JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] }));
  writeFileSync(join(folder, "auth.json"), "{}");
  await makeCertificates();
  const hash = Bun.password.hashSync("secret", { algorithm: "bcrypt", cost: 4 });
  writeFileSync(join(folder, "htpasswd"), `me:${hash.replace("$2b$", "$2y$")}\n`);
  const secured = ["--htpasswd", join(folder, "htpasswd"), "--tls-certificate", join(folder, "server.crt")];
  [open, closed] = await Promise.all([
    startServer(join(folder, "open")),
    startServer(join(folder, "closed"), [...secured, "--tls-key", join(folder, "server.key")]),
  ]);
});

afterAll(async () => {
  for (const server of [open, closed]) {
    await server.stop();
    const check = await registryCommand("check", "--root", server.root);
    expect([check.stdout, check.code]).toEqual([expect.stringContaining(" 0 damaged"), 0]);
  }
  rmSync(folder, { recursive: true, force: true });
});

async function makeCertificates(): Promise<void> {
  mkdirSync(join(folder, "certs"));
  const openssl = async (...args: string[]) => succeed(await runProgram(["openssl", ...args], { cwd: folder }));
  const authority = ["-keyout", "ca.key", "-out", "certs/ca.crt", "-subj", "/CN=test authority"];
  await openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", ...authority);
  await openssl(
    "req",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-keyout",
    "server.key",
    "-out",
    "server.csr",
    "-subj",
    "/CN=registry",
  );
  writeFileSync(join(folder, "names"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n");
  const sign = ["-CA", "certs/ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names"];
  await openssl("x509", "-req", "-in", "server.csr", "-out", "server.crt", ...sign);
}

function succeed(result: ProgramResult): string {
  if (result.code !== 0) throw new Error(`exit code ${result.code}: ${result.stdout}${result.stderr}`);
  return result.stdout;
}

/** A client of the containers/image family, with its own directories, policy and log-in file. */
async function client(program: string, args: string[], more: { input?: string } = {}): Promise<string> {
  const env = { HOME: folder, XDG_RUNTIME_DIR: folder, REGISTRY_AUTH_FILE: join(folder, "auth.json"), TMPDIR: folder };
  return succeed(await runProgram([program, ...args], { ...more, env, timeoutMs: COMMAND_TIMEOUT_MS, cwd: folder }));
}

const skopeo = (...args: string[]) => client("skopeo", ["--policy", join(folder, "policy.json"), ...args]);

/** Flags of both servers, for `--src-` and `--dest-` alike. */
const access = (side: string) => ({
  open: [`--${side}tls-verify=false`],
  closed: [`--${side}cert-dir=${join(folder, "certs")}`, `--${side}creds=me:secret`],
});

testOf("skopeo")("skopeo: copies both ways, through TLS and password; digests stay", async () => {
  const at = (server: ServerProcess, name: string) => `docker://${server.host}/${name}`;
  await skopeo(
    "copy",
    "-q",
    "-f",
    "oci",
    ...access("dest-").open,
    `docker-archive:${archive}`,
    at(open, "team/busybox:v1"),
  );
  await skopeo(
    "copy",
    "-q",
    ...access("src-").open,
    ...access("dest-").closed,
    at(open, "team/busybox:v1"),
    at(closed, "busybox:v1"),
  );
  await skopeo("copy", "-q", ...access("src-").closed, at(closed, "busybox:v1"), `oci:${join(folder, "layout")}:v1`);
  const digest = async (where: string, flags: string[]) =>
    (JSON.parse(await skopeo("inspect", ...flags, where)) as { Digest: string }).Digest;
  const first = await digest(at(open, "team/busybox:v1"), access("").open);
  expect(first).toStartWith("sha256:");
  expect(await digest(at(closed, "busybox:v1"), access("").closed)).toBe(first);
  // Our directory is one of theirs: read without the server.
  await until("index.json names the tag", () =>
    readFileSync(join(open.root, "index.json"), "utf8").includes("busybox:v1"),
  );
  const raw = await skopeo("inspect", "--raw", `oci:${open.root}:team/busybox:v1`);
  expect(digestOf(raw)).toBe(first);
  const without = await runProgram(
    ["skopeo", "inspect", `--cert-dir=${join(folder, "certs")}`, at(closed, "busybox:v1")],
    { env: { HOME: folder } },
  );
  expect([without.code, without.stderr]).toEqual([1, expect.stringMatching(/unauthorized|authentication required/)]);
});

testOf("skopeo")(
  "skopeo: an index of several platforms goes whole, list-tags and sync see it, delete removes it",
  async () => {
    const children = [];
    for (const architecture of ["amd64", "arm64"]) {
      const text = await pushParts(open, "multi", { layer: `for ${architecture}` });
      await putManifest(open, `multi/manifests/${digestOf(text)}`, text);
      children.push({ ...describe(text, OCI_MANIFEST), platform: { os: "linux", architecture } });
    }
    const index = JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: children });
    await putManifest(open, "multi/manifests/all", index, OCI_INDEX);
    const [from, to] = [`docker://${open.host}/multi`, `docker://${closed.host}/copies/multi`];
    const both = ["--all", "--preserve-digests", ...access("src-").open, ...access("dest-").closed];
    for (const tag of ["one", "two"]) await skopeo("copy", "-q", ...both, `${from}:all`, `${to}:${tag}`);
    expect(digestOf(await skopeo("inspect", "--raw", ...access("").closed, `${to}:one`))).toBe(digestOf(index));
    expect((JSON.parse(await skopeo("list-tags", ...access("").closed, to)) as { Tags: string[] }).Tags).toEqual([
      "one",
      "two",
    ]);
    const synced = join(folder, "synced");
    const flags = ["--all", "--src", "docker", "--dest", "dir", "--scoped", ...access("src-").closed];
    await skopeo("sync", ...flags, `${closed.host}/copies/multi`, synced);
    expect(digestOf(readFileSync(join(synced, closed.host, "copies/multi:two/manifest.json")))).toBe(digestOf(index));
    await skopeo(
      "sync",
      "--all",
      "--src",
      "dir",
      "--dest",
      "docker",
      "--scoped",
      ...access("dest-").open,
      join(synced, closed.host),
      `${open.host}/back`,
    );
    await skopeo("delete", ...access("").closed, `${to}:one`);
    const tags = await runProgram(["curl", "-sk", "-u", "me:secret", `${closed.url}/v2/copies/multi/tags/list`]);
    expect(JSON.parse(tags.stdout)).toEqual({ name: "copies/multi", tags: [] });
  },
);

/** buildah and podman on directories of their own; the layers are unpacked, never mounted. */
const store = (program: string) => [
  "--root",
  join(folder, program),
  "--runroot",
  join(folder, `${program}-run`),
  "--storage-driver",
  "vfs",
];
const podmanStore = () => [...store("podman"), "--tmpdir", join(folder, "podman-tmp")];
const buildah = (...args: string[]) => client("buildah", [...store("buildah"), ...args]);
const podman = (...args: string[]) => client("podman", [...podmanStore(), ...args]);
const policyFlag = () => `--signature-policy=${join(folder, "policy.json")}`;

testOf("buildah")("buildah: builds from a pulled image, pushes, and pulls what it pushed", async () => {
  await skopeo("copy", "-q", ...access("dest-").closed, `docker-archive:${archive}`, `docker://${closed.host}/base:v1`);
  const base = (await buildah("from", policyFlag(), ...access("").closed, `docker://${closed.host}/base:v1`)).trim();
  await buildah("config", "--label", "made=here", base);
  await buildah("commit", "-q", policyFlag(), base, "made");
  await buildah("push", "-q", policyFlag(), ...access("").closed, "made", `docker://${closed.host}/made:v1`);
  await buildah("push", "-q", policyFlag(), ...access("").open, "made", `docker://${open.host}/made:v1`);
  await buildah("rm", base);
  await buildah("rmi", "-f", "made");
  const id = (await buildah("pull", "-q", policyFlag(), ...access("").open, `docker://${open.host}/made:v1`)).trim();
  expect(await buildah("inspect", "--type", "image", "--format", "{{.OCIv1.Config.Labels.made}}", id)).toContain(
    "here",
  );
});

testOf("podman")("podman: logs in, pushes and pulls through TLS; search finds it", async () => {
  await podman("load", "-q", "-i", archive);
  await podman("login", `--cert-dir=${join(folder, "certs")}`, "-u", "me", "-p", "secret", closed.host);
  await podman(
    "push",
    "-q",
    `--cert-dir=${join(folder, "certs")}`,
    "busybox:latest",
    `docker://${closed.host}/podman/busybox:v1`,
  );
  await podman("push", "-q", ...access("").open, "busybox:latest", `docker://${open.host}/podman/busybox:v1`);
  await podman("rmi", "-f", "-a");
  const id = (await podman("pull", "-q", ...access("").open, `${open.host}/podman/busybox:v1`)).trim();
  expect(id).toMatch(/^[0-9a-f]{64}$/);
  expect(
    (await podman("pull", "-q", `--cert-dir=${join(folder, "certs")}`, `${closed.host}/podman/busybox:v1`)).trim(),
  ).toBe(id);
  expect(await podman("search", ...access("").open, `${open.host}/podman`)).toContain("podman/busybox");
  const wrong = await client("podman", [
    ...podmanStore(),
    "login",
    `--cert-dir=${join(folder, "certs")}`,
    "-u",
    "me",
    "-p",
    "wrong",
    closed.host,
  ]).catch(String);
  expect(wrong).toMatch(/invalid username\/password|unauthorized/);
});

test("every request of these clients was answered without an error of ours", async () => {
  for (const server of [open, closed])
    expect(
      server
        .log()
        .split("\n")
        .filter((line) => line.includes("level=error")),
    ).toEqual([]);
  await must(open, "/v2/");
});
