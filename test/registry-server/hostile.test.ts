import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { runProgram } from "../harness/run-program.ts";
import { until } from "../harness/until.ts";
import { inProcess } from "./in-process.ts";
import { digestOf, must, pushBlob, pushImage, startUpload } from "./push.ts";
import { registryCommand, type ServerProcess, startServer, temporaryDirectory } from "./server-process.ts";

/** Sends bytes as they are, and returns the status line of the answer. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    socket.setEncoding("latin1");
    socket.on("data", (piece: string) => (answer += piece));
    socket.on("error", reject);
    socket.on("close", () => resolve(answer.split("\r\n")[0] ?? ""));
  });
}

test("attack 39: wrong digests, chunks out of order, foreign and guessed uploads, `..` names: 4xx, and nothing of it stays", async () => {
  await using server = await inProcess();
  const location = await startUpload(server, "mine");
  const statuses = await Promise.all(
    (
      [
        ["POST", `/v2/mine/blobs/uploads/?digest=${digestOf("a")}`, {}],
        ["PATCH", location, { "Content-Range": "5-5" }],
        ["PATCH", location.replace("/mine/", "/yours/"), {}],
        ["PUT", `${location.replace(/.$/, (last) => (last === "0" ? "1" : "0"))}?digest=${digestOf("b")}`, {}],
        ["PUT", `/v2/mine/blobs/uploads/..%2F..%2F..%2Fescape?digest=${digestOf("b")}`, {}],
        ["POST", `/v2/x%2F..%2F..%2F..%2Fescape/blobs/uploads/?digest=${digestOf("b")}`, {}],
        ["PUT", `/v2/mine/manifests/..%2F..%2Fescape`, {}],
      ] as [string, string, Record<string, string>][]
    ).map(async ([method, path, headers]) => (await server.fetch(path, { method, headers, body: "b" })).status),
  );
  expect(statuses).toEqual([400, 416, 404, 404, 404, 400, 400]);
  const { port } = server.registry;
  for (const path of [
    "/v2/../../../etc/manifests/passwd",
    "/v2/a/../../blobs/uploads/",
    "/v2/%2e%2e/%2e%2e/x/tags/list",
  ])
    expect(
      await raw(port, `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`),
    ).toMatch(/^HTTP\/1.1 4\d\d /);
  expect(readdirSync(join(server.root, "blobs/sha256"))).toEqual([]);
  expect(readdirSync(server.root).sort()).toEqual(["blobs", "index.json", "oci-layout", "repositories", "tmp"]);
  expect(readdirSync(join(server.root, "repositories"))).toEqual(["mine"]);
});

test("two lengths, a length beside chunks, huge headers: refused before they mean anything", async () => {
  await using server = await inProcess();
  const { port } = server.registry;
  const location = await startUpload(server, "mine");
  const head = `PATCH ${location} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n`;
  for (const headers of [
    "Content-Length: 3\r\nContent-Length: 5\r\n",
    "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
    "Content-Length: -1\r\n",
    `X-Large: ${"x".repeat(100_000)}\r\n`,
  ])
    expect(await raw(port, `${head}${headers}\r\nabcde`)).toMatch(/^HTTP\/1.1 4\d\d |^$/);
  expect((await server.fetch(location)).headers.get("range")).toBe("0-0");
});

test("a client that stalls is left, and what it sent stays to resume from", async () => {
  await using server = await inProcess({ "stall-timeout": "1s" });
  const location = await startUpload(server, "slow");
  const head = `PATCH ${location} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n`;
  expect(await raw(server.registry.port, `${head}abc`)).toStartWith("HTTP/1.1 408 ");
  const state = await until("the upload is free again", () => server.fetch(location));
  expect(state.headers.get("range")).toBe("0-2");
  await must(server, location, { method: "PATCH", body: "def", headers: { "Content-Range": "3-5" } });
  await must(server, `${location}?digest=${digestOf("abcdef")}`, { method: "PUT" });
});

test("more uploads at once than allowed: 429, the others go on", async () => {
  await using server = await inProcess({ "max-uploads": "2" });
  let release = () => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  const slow = async (name: string) => {
    const location = await startUpload(server, name);
    const body = new ReadableStream({
      async pull(controller) {
        controller.enqueue(Buffer.from("x"));
        await gate;
        controller.close();
      },
    });
    return server.fetch(location, { method: "PATCH", body });
  };
  const first = [slow("a"), slow("b")];
  const gauge = async () => (await (await server.fetch("/metrics")).text()).includes("gantry_registry_uploads_open 2");
  await until("two uploads are open", gauge);
  const third = await server.fetch(`/v2/c/blobs/uploads/?digest=${digestOf("c")}`, { method: "POST", body: "c" });
  expect([third.status, third.headers.get("retry-after")]).toEqual([429, "5"]);
  expect((await server.fetch("/v2/")).status).toBe(200);
  release();
  expect((await Promise.all(first)).map(({ status }) => status)).toEqual([202, 202]);
});

/** Pushes images and large blobs until the server dies; the tags that were answered with 201. */
async function pushUntilKilled(server: ServerProcess, name: string, answered: Map<string, string>): Promise<void> {
  for (let index = 0; ; index++) {
    try {
      const location = await startUpload(server, name);
      const bytes = Buffer.alloc(3_000_000, `${name} ${index}`);
      for (let start = 0; start < bytes.length; start += 1_000_000)
        await must(server, location, { method: "PATCH", body: bytes.subarray(start, start + 1_000_000) });
      await must(server, `${location}?digest=${digestOf(bytes)}`, { method: "PUT" });
      answered.set(
        `${name}:t${index}`,
        await pushImage(server, name, `t${index}`, { layer: bytes.toString("latin1") }),
      );
    } catch (error) {
      if (/: [45]\d\d /.test(String(error))) throw error;
      return;
    }
  }
}

test("attack 39: kill -9 of the server at random moments of many pushes: nothing torn, what was answered is there, usage is what is referenced", async () => {
  using directory = temporaryDirectory();
  const root = directory.path;
  const answered = new Map<string, string>();
  for (let life = 0; life < 6 || answered.size < 4; life++) {
    const server = await startServer(root, ["--gc-interval", "0s"]);
    const pushers = ["a", "b/c", "a"].map((name) => pushUntilKilled(server, name, answered).catch((e: unknown) => e));
    // Not a wait for a state: the moment of death is what is tried out.
    await Bun.sleep(60 + Math.random() * 250);
    await server.kill9();
    expect(await Promise.all(pushers)).toEqual([undefined, undefined, undefined]);
    const check = await registryCommand("check", "--root", root);
    expect([check.stdout.split("\n").slice(0, -2), check.code]).toEqual([[], 0]);
  }
  const server = await startServer(root);
  try {
    for (const [name] of answered) {
      const [repository, tag] = name.split(":");
      await must(server, `/v2/${repository}/manifests/${tag}`);
    }
  } finally {
    await server.stop();
  }
  expect((await registryCommand("gc", "--root", root, "--offline")).code).toBe(0);
  const referenced = await referencedBlobs(root);
  expect(readdirSync(join(root, "blobs/sha256")).sort()).toEqual([...referenced].sort());
  const uploads = readdirSync(root, { recursive: true }).filter((path) => /_uploads\/|tmp\//.test(String(path)));
  expect(uploads).toEqual([]);
});

/** Hex digits of every manifest and of what it names, read through a server. */
async function referencedBlobs(root: string): Promise<Set<string>> {
  const server = await startServer(root);
  try {
    const found = new Set<string>();
    const { repositories } = (await (await must(server, "/v2/_catalog")).json()) as { repositories: string[] };
    for (const name of repositories) {
      for (const hex of readdirSync(join(root, "repositories", name, "_manifests/sha256"))) {
        found.add(hex);
        const manifest = (await (await must(server, `/v2/${name}/manifests/sha256:${hex}`)).json()) as {
          config: { digest: string };
          layers: { digest: string }[];
        };
        for (const { digest } of [manifest.config, ...manifest.layers]) found.add(digest.slice(7));
      }
    }
    return found;
  } finally {
    await server.stop();
  }
}

test("clients that go away in the middle, of a download or an upload, leave no descriptor open", async () => {
  using directory = temporaryDirectory();
  const server = await startServer(directory.path);
  try {
    const digest = await pushBlob(server, "big", Buffer.alloc(16 << 20));
    const descriptors = () => readdirSync(`/proc/${server.pid}/fd`).length;
    const location = await startUpload(server, "big");
    const goAway = async (init: RequestInit, path: string) => {
      const controller = new AbortController();
      const response = fetch(`${server.url}${path}`, { ...init, signal: controller.signal });
      await Promise.race([response, Bun.sleep(20)]);
      controller.abort();
      await response.catch(() => undefined);
    };
    const endless = () => new ReadableStream({ pull: (controller) => controller.enqueue(Buffer.alloc(1000)) });
    const before = descriptors();
    await Promise.all(Array.from({ length: 30 }, () => goAway({}, `/v2/big/blobs/${digest}`)));
    await goAway({ method: "PATCH", body: endless() }, location);
    await until("all descriptors are closed", () => descriptors() <= before);
    await until(
      "the upload is free",
      async () => (await fetch(`${server.url}${location}`, { method: "DELETE" })).status === 204,
    );
  } finally {
    await server.stop();
  }
});

test("one gigabyte takes little memory", async () => {
  using directory = temporaryDirectory();
  const server = await startServer(directory.path);
  try {
    const residentKb = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, "utf8"))?.[1]);
    await pushBlob(server, "warm", Buffer.alloc(1 << 20));
    const before = residentKb();
    const location = await startUpload(server, "big");
    const piece = Buffer.alloc(1 << 20, 7);
    let left = 1024;
    const body = new ReadableStream({
      pull(controller) {
        if (left-- === 0) controller.close();
        else controller.enqueue(piece);
      },
    });
    await must(server, location, { method: "PATCH", body });
    expect(residentKb() - before).toBeLessThan(100 << 10);
  } finally {
    await server.stop();
  }
}, 60_000);

test("a full disk: the push is told so, and what deletes still works and makes room again", async () => {
  using directory = temporaryDirectory();
  expect((await runProgram(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", directory.path])).code).toBe(0);
  try {
    await using server = await inProcess({ root: join(directory.path, "data") });
    const digest = await pushImage(server, "first", "v1", { layer: "1".repeat(5 << 20) });
    const second = Buffer.alloc(5 << 20, "2");
    const push = () =>
      server.fetch(`/v2/second/blobs/uploads/?digest=${digestOf(second)}`, { method: "POST", body: second });
    const refused = await push();
    expect([refused.status, await refused.text()]).toEqual([507, expect.stringContaining("STORAGE_FULL")]);
    const kept = await server.fetch(`/v2/first/blobs/${digestOf("1".repeat(5 << 20))}`);
    expect((await kept.bytes()).length).toBe(5 << 20);
    await must(server, `/v2/first/manifests/${digest}`, { method: "DELETE" });
    expect((await registryCommand("gc", "--root", server.root, "--offline")).code).toBe(0);
    expect((await push()).status).toBe(201);
  } finally {
    expect((await runProgram(["umount", "-l", directory.path])).code).toBe(0);
  }
});
