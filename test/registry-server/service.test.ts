import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../harness/until.ts";
import { inProcess } from "./in-process.ts";
import { describe, digestOf, OCI_MANIFEST, pushBlob, pushImage, putManifest, startUpload } from "./push.ts";
import { registryCommand, startServer, temporaryDirectory } from "./server-process.ts";

test("read-only: pulls go on, nothing changes, not even on the disk", async () => {
  await using writer = await inProcess();
  const digest = await pushImage(writer, "repo", "v1");
  await using server = await inProcess({ root: writer.root, "read-only": "true" });
  expect((await server.fetch("/v2/repo/manifests/v1")).status).toBe(200);
  expect((await server.fetch(`/v2/repo/blobs/${digestOf("layer")}`)).status).toBe(200);
  for (const [method, path] of [
    ["POST", "/v2/repo/blobs/uploads/"],
    ["PUT", "/v2/repo/manifests/v2"],
    ["DELETE", "/v2/repo/manifests/v1"],
    ["DELETE", `/v2/repo/blobs/${digest}`],
  ] as const)
    expect((await server.fetch(path, { method })).status).toBe(405);
});

test("without deletes, uploads can still be cancelled", async () => {
  await using server = await inProcess({ delete: "false" });
  await pushImage(server, "repo", "v1");
  expect((await server.fetch("/v2/repo/manifests/v1", { method: "DELETE" })).status).toBe(405);
  expect((await server.fetch(await startUpload(server, "repo"), { method: "DELETE" })).status).toBe(204);
});

test("search: as an index of Docker answers it, with words from annotations and labels", async () => {
  await using server = await inProcess();
  await pushImage(server, "team/web", "latest", {
    more: { annotations: { "org.opencontainers.image.description": "serves\npages" } },
  });
  const config = JSON.stringify({
    os: "linux",
    config: { Labels: { "org.opencontainers.image.title": "from a label" } },
    rootfs: { type: "layers", diff_ids: [] },
  });
  await pushBlob(server, "team/worker", config);
  const manifest = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: describe(config, "application/vnd.oci.image.config.v1+json"),
    layers: [],
  };
  await putManifest(server, "team/worker/manifests/v1", JSON.stringify(manifest));
  await pushImage(server, "other", "v1");
  const search = async (query: string) => (await server.fetch(`/v1/search?${query}`)).json();
  const result = (name: string, description: string) => ({
    name,
    description,
    star_count: 0,
    is_official: false,
    is_automated: false,
  });
  expect(await search("q=Team/W&n=25")).toEqual({
    num_pages: 1,
    num_results: 2,
    page_size: 25,
    page: 1,
    query: "Team/W",
    results: [result("team/web", "serves pages"), result("team/worker", "from a label")],
  });
  expect(await search("q=&n=2&page=2")).toMatchObject({
    num_pages: 2,
    num_results: 3,
    results: [result("team/worker", "from a label")],
  });
  const ping = await server.fetch("/v1/_ping");
  expect([ping.status, await ping.json(), ping.headers.get("x-docker-registry-standalone")]).toEqual([
    200,
    true,
    "true",
  ]);
});

test("one JSON line per request, and counters that Prometheus reads, on an address of their own", async () => {
  await using server = await inProcess({ "metrics-listen": "127.0.0.1:0" });
  await pushBlob(server, "repo", "0123456789");
  await server.fetch("/v2/nobody/tags/list", { headers: { "User-Agent": 'a "quoted" agent' } });
  const line = await until("the line is written", () => server.lines.find((text) => text.includes("nobody")));
  expect(JSON.parse(line)).toMatchObject({
    method: "GET",
    path: "/v2/nobody/tags/list",
    status: 404,
    remote: "127.0.0.1",
    agent: 'a "quoted" agent',
  });
  const side = `http://127.0.0.1:${server.registry.metricsPort}`;
  const text = await (await fetch(`${side}/metrics`)).text();
  for (const expected of [
    'requests_total{method="POST",route="uploads",status="202"} 1',
    'requests_total{method="PUT",route="upload",status="201"} 1',
    'requests_total{method="GET",route="tags",status="404"} 1',
    'request_seconds_bucket{route="tags",le="+Inf"} 1',
    "received_bytes_total 10",
    "blobs 1",
    "uploads_open 0",
  ])
    expect(text).toContain(`gantry_registry_${expected}\n`);
  expect((await fetch(`${side}/healthz`)).status).toBe(200);
  expect((await fetch(`${side}/v2/repo/tags/list`)).status).toBe(404);
});

test("the page: its files at / and /ui/, without scripts of others, and nothing else", async () => {
  const file = { body: Buffer.from("<h1>"), contentType: "text/html; charset=utf-8", etag: '"1"' };
  await using server = await inProcess(
    {},
    async () =>
      new Map([
        ["/", file],
        ["/ui/app.js", { ...file, contentType: "text/javascript" }],
      ]),
  );
  const response = await server.fetch("/");
  expect([response.status, await response.text(), response.headers.get("content-type")]).toEqual([
    200,
    "<h1>",
    "text/html; charset=utf-8",
  ]);
  expect(response.headers.get("content-security-policy")).toStartWith("default-src 'none'; script-src 'self';");
  expect((await server.fetch("/ui/app.js", { headers: { "If-None-Match": '"1"' } })).status).toBe(304);
  expect((await server.fetch("/ui/other.js")).status).toBe(404);
});

test("SIGTERM: a request that runs is finished, a new one is not taken, exit code 0", async () => {
  using directory = temporaryDirectory();
  const server = await startServer(directory.path);
  const location = await startUpload(server, "repo");
  let release = () => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  const body = new ReadableStream({
    async pull(controller) {
      controller.enqueue(Buffer.from("slow"));
      await gate;
      controller.close();
    },
  });
  const upload = fetch(`${server.url}${location}?digest=${digestOf("slow")}`, { method: "PUT", body });
  await until(
    "the upload has begun",
    async () => (await fetch(`${server.url}${location}`)).headers.get("range") === "0-3",
  );
  const stopped = server.stop();
  await until("no new connection is taken", async () => {
    try {
      await fetch(`${server.url}/v2/`, { headers: { Connection: "close" } });
      return false;
    } catch {
      return true;
    }
  });
  release();
  expect((await upload).status).toBe(201);
  expect(await stopped).toBe(0);
});

test("settings from a YAML file; flags win; a setting that nobody knows is an error that names it", async () => {
  using directory = temporaryDirectory();
  const file = join(directory.path, "config.yml");
  writeFileSync(file, `root: ${directory.path}/wrong\nlisten: "127.0.0.1:1"\naccess-log: false\ndelete: no\n`);
  const server = await startServer(join(directory.path, "data"), ["--config", file]);
  try {
    expect((await fetch(`${server.url}/v2/x/manifests/v1`, { method: "DELETE" })).status).toBe(405);
  } finally {
    expect(await server.stop()).toBe(0);
  }
  writeFileSync(file, JSON.stringify({ root: "x", lisen: ":5000" }));
  const result = await registryCommand("serve", "--config", file);
  expect([result.code, result.stderr]).toEqual([1, "gantry registry: lisen: no such setting\n"]);
});

test("help teaches, and mistakes are told", async () => {
  for (const [args, code, text] of [
    [[], 0, "gantry registry COMMAND"],
    [["--help"], 0, "Verify every blob"],
    [["serve", "--help"], 0, "--htpasswd"],
    [["nonsense"], 1, "'nonsense' is not a command"],
    [["serve"], 1, "--root DIR"],
    [["serve", "--root", "x", "--gc-grace", "soon"], 1, 'invalid argument "soon" for "--gc-grace"'],
    [["serve", "--root", "x", "--tls-key", "k"], 1, "belong together"],
    [["check", "--root", "/does/not/exist"], 1, "/does/not/exist holds no registry"],
    [["gc", "--root", "/does/not/exist"], 1, "/does/not/exist holds no registry"],
  ] as [string[], number, string][]) {
    const { code: actual, stdout, stderr } = await registryCommand(...args);
    expect([actual, stdout + stderr]).toEqual([code, expect.stringContaining(text)]);
  }
});
