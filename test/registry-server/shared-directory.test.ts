import { expect, test } from "bun:test";
import { readdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { createSystemClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/logger.ts";
import type { Digest } from "../../src/formats/oci/digest.ts";
import { lockFile } from "../../src/kernel/file-lock.ts";
import { collect } from "../../src/registry/server/storage/gc/collect.ts";
import { LEAST_GRACE_MS, openStorage } from "../../src/registry/server/storage/storage.ts";
import { digestOf, must, pushImage, pushParts, putManifest, startUpload } from "./push.ts";
import { registryCommand, type ServerProcess, startServer, temporaryDirectory } from "./server-process.ts";

async function twoServers(root: string): Promise<[ServerProcess, ServerProcess]> {
  const flags = ["--gc-interval", "0s"];
  return Promise.all([startServer(root, flags), startServer(root, flags)]);
}

test("two servers on one directory are one registry", async () => {
  using directory = temporaryDirectory();
  const [a, b] = await twoServers(directory.path);
  try {
    const digest = await pushImage(a, "repo", "v1");
    const response = await must(b, "/v2/repo/manifests/v1");
    expect(response.headers.get("docker-content-digest")).toBe(digest);
    const moved = await pushImage(b, "repo", "v1", { layer: "newer" });
    expect((await must(a, "/v2/repo/manifests/v1")).headers.get("docker-content-digest")).toBe(moved);
    // An upload goes on where another server has it from.
    const location = await startUpload(a, "repo");
    const parts = ["first", "second", "third"];
    for (const [index, part] of parts.entries()) {
      const server = index % 2 === 0 ? b : a;
      await must(server, location, { method: "PATCH", body: part });
    }
    const whole = digestOf(parts.join(""));
    await must(a, `${location}?digest=${whole}`, { method: "PUT" });
    expect(await (await must(b, `/v2/repo/blobs/${whole}`)).text()).toBe(parts.join(""));
    await must(a, `/v2/repo/manifests/${moved}`, { method: "DELETE" });
    expect((await fetch(`${b.url}/v2/repo/manifests/v1`)).status).toBe(404);
  } finally {
    await Promise.all([a.stop(), b.stop()]);
  }
  expect((await registryCommand("check", "--root", directory.path)).code).toBe(0);
});

test("attack 39: one digest pushed to two servers at once, forty times, is one whole blob", async () => {
  using directory = temporaryDirectory();
  const servers = await twoServers(directory.path);
  const bytes = Buffer.alloc(1 << 20, "same bytes");
  const digest = digestOf(bytes);
  try {
    const pushes = Array.from({ length: 40 }, async (_, index) => {
      const target = servers[index % 2] as ServerProcess;
      const location = await startUpload(target, `repo/${index % 5}`);
      return must(target, `${location}?digest=${digest}`, { method: "PUT", body: bytes });
    });
    expect((await Promise.all(pushes)).map(({ status }) => status)).toEqual(Array(40).fill(201));
    for (const server of servers) {
      const got = await (await must(server, `/v2/repo/3/blobs/${digest}`)).bytes();
      expect(digestOf(got)).toBe(digest);
    }
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
  expect(readdirSync(join(directory.path, "blobs/sha256"))).toEqual([digest.slice(7)]);
  expect((await registryCommand("check", "--root", directory.path)).stdout).toContain(
    "checked 1 blobs in 5 repositories: 0 damaged",
  );
});

test("one upload takes one writer: a second one is told so, and nothing is mixed", async () => {
  using directory = temporaryDirectory();
  const [a, b] = await twoServers(directory.path);
  try {
    const location = await startUpload(a, "repo");
    let release = () => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    let begun = () => {};
    const started = new Promise<void>((resolve) => (begun = resolve));
    const body = new ReadableStream({
      async pull(controller) {
        controller.enqueue(Buffer.from("slow"));
        begun();
        await gate;
        controller.close();
      },
    });
    const first = fetch(`${a.url}${location}`, { method: "PATCH", body });
    await started;
    // The writer holds the upload once its first bytes are in.
    await must(b, location);
    const second = await fetch(`${b.url}${location}`, { method: "PATCH", body: "fast" });
    const order = second.status;
    release();
    const done = await first;
    expect(new Set([order, done.status])).toEqual(new Set([202, 409]));
    const kept = order === 202 ? "fast" : "slow";
    await must(b, `${location}?digest=${digestOf(kept)}`, { method: "PUT" });
  } finally {
    await Promise.all([a.stop(), b.stop()]);
  }
});

test("pushes that rely on old blobs race a collector: what a client was told is here stays until its manifest comes", async () => {
  using directory = temporaryDirectory();
  const root = directory.path;
  const [a, b] = await twoServers(root);
  const clock = createSystemClock();
  const storage = await openStorage({ root, readOnly: false }, { lock: lockFile, clock, logger: silentLogger });
  const rules = { graceMs: LEAST_GRACE_MS, uploadExpiryMs: 3_600_000, deleteUntagged: false };
  const old = new Date(Date.now() - 86_400_000);
  const deadline = performance.now() + 3_000;
  const seen = { runs: 0, found: 0, collected: 0 };
  const collector = async () => {
    while (performance.now() < deadline) {
      await collect(storage, clock, rules);
      seen.runs++;
      await Bun.sleep(1);
    }
  };
  /** A layer lies there, old and unreferenced; a client asks for it, and pushes it only when it is gone. */
  const pusher = async (server: ServerProcess, other: ServerProcess, name: string) => {
    for (let index = 0; performance.now() < deadline; index++) {
      const layer = `${name} ${index}`;
      const text = await pushParts(server, name, { layer });
      const link = storage.layout.link(name, "_blobs", digestOf(layer) as Digest);
      utimesSync(link, old, old);
      if (index % 2 === 0) await Bun.sleep(index % 10);
      const asked = await fetch(`${other.url}/v2/${name}/blobs/${digestOf(layer)}`, { method: "HEAD" });
      seen[asked.status === 200 ? "found" : "collected"]++;
      if (asked.status !== 200) await pushParts(other, name, { layer });
      await putManifest(server, `${name}/manifests/t${index}`, text);
    }
  };
  try {
    await Promise.all([collector(), pusher(a, b, "x"), pusher(b, a, "y/z"), pusher(a, b, "y")]);
  } finally {
    await Promise.all([a.stop(), b.stop()]);
  }
  expect(seen.runs).toBeGreaterThan(3);
  expect(seen.found).toBeGreaterThan(3);
  expect(seen.collected).toBeGreaterThan(3);
  const check = await registryCommand("check", "--root", root);
  expect([check.stdout.trim().split("\n").slice(0, -1), check.code]).toEqual([[], 0]);
});
