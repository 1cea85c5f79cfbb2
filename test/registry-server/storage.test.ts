import { expect, test } from "bun:test";
import {
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { createSystemClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { lockFile } from "../../src/kernel/file-lock.ts";
import { checkStorage, removeDamaged } from "../../src/registry/server/storage/check.ts";
import { type CollectOptions, collect } from "../../src/registry/server/storage/gc/collect.ts";
import { openStorage } from "../../src/registry/server/storage/storage.ts";
import { until } from "../harness/until.ts";
import { inProcess } from "./in-process.ts";
import {
  describe,
  digestOf,
  must,
  OCI_INDEX,
  OCI_MANIFEST,
  pushBlob,
  pushImage,
  pushParts,
  putManifest,
  startUpload,
} from "./push.ts";

const clock = createSystemClock();
const open = (root: string, readOnly = false) =>
  openStorage({ root, readOnly }, { lock: lockFile, clock, logger: silentLogger });

/** A collection as if a day had gone by since everything was made. */
async function collectLater(root: string, options: Partial<CollectOptions> = {}) {
  const tomorrow = { ...clock, now: () => new Date(Date.now() + 86_400_000) };
  const all = { graceMs: 3_600_000, uploadExpiryMs: 3_600_000, deleteUntagged: false, ...options };
  return collect(await open(root), tomorrow, all);
}

/** Bytes of all files below, each counted once however many links it has. */
function usage(root: string): number {
  const files = new Map<number, number>();
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const { ino, size } = statSync(join(entry.parentPath, entry.name));
    files.set(ino, size);
  }
  return [...files.values()].reduce((sum, size) => sum + size, 0);
}

const blobPath = (root: string, digest: string) => join(root, "blobs", digest.replace(":", "/"));

test("the directory is an OCI layout that other programs read, one file per blob", async () => {
  await using server = await inProcess();
  const digest = await pushImage(server, "one", "v1");
  await pushImage(server, "two/three", "v2");
  const names = () => {
    const { manifests } = JSON.parse(readFileSync(join(server.root, "index.json"), "utf8")) as {
      manifests: { digest: string; annotations: Record<string, string> }[];
    };
    return manifests.map((entry) => `${entry.annotations["org.opencontainers.image.ref.name"]} ${entry.digest}`);
  };
  const expected = [`one:v1 ${digest}`, `two/three:v2 ${digest}`];
  await until("index.json names both tags", () => JSON.stringify(names()) === JSON.stringify(expected));
  expect(JSON.parse(readFileSync(join(server.root, "oci-layout"), "utf8"))).toEqual({ imageLayoutVersion: "1.0.0" });
  expect(readdirSync(join(server.root, "blobs/sha256")).length).toBe(3);
  expect(statSync(blobPath(server.root, digest)).nlink).toBe(3);
});

test("garbage is collected while the server goes on, and the disk holds what is referenced, no more", async () => {
  await using server = await inProcess();
  await pushImage(server, "kept", "v1");
  const kept = usage(server.root);
  const gone = await pushImage(server, "dropped/deep", "v1", { layer: "x".repeat(100_000) });
  const orphan = await pushBlob(server, "kept", "y".repeat(50_000));
  await startUpload(server, "abandoned");
  writeFileSync(join(server.root, "tmp/left-by-a-crash"), "z".repeat(10_000));
  await must(server, `/v2/dropped/deep/manifests/${gone}`, { method: "DELETE" });
  expect(
    await collect(await open(server.root), clock, {
      graceMs: 3_600_000,
      uploadExpiryMs: 3_600_000,
      deleteUntagged: false,
    }),
  ).toEqual({ manifests: 0, blobs: 0, uploads: 0, bytes: 0, damaged: [] });
  const collected = await collectLater(server.root);
  expect(collected).toMatchObject({ manifests: 0, uploads: 1 });
  expect(collected?.bytes).toBeGreaterThan(150_000);
  expect((await server.fetch(`/v2/kept/blobs/${orphan}`)).status).toBe(404);
  expect(readdirSync(join(server.root, "repositories"))).toEqual(["kept"]);
  await until("index.json is written", () => usage(server.root) - kept < 1_000);
  expect((await checkStorage(await open(server.root, true))).damage).toEqual([]);
  expect((await server.fetch("/v2/kept/manifests/v1")).status).toBe(200);
});

test("untagged manifests stay unless it is asked; indexes and referrers of what is kept stay then, too", async () => {
  await using server = await inProcess();
  const child = await pushParts(server, "repo", { layer: "child" });
  await putManifest(server, `repo/manifests/${digestOf(child)}`, child);
  const index = JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [describe(child, OCI_MANIFEST)] });
  await putManifest(server, "repo/manifests/index", index, OCI_INDEX);
  const signature = await pushParts(server, "repo", {
    layer: "signature",
    more: { subject: describe(child, OCI_MANIFEST) },
  });
  await putManifest(server, `repo/manifests/${digestOf(signature)}`, signature);
  const untagged = await pushImage(server, "repo", "moved", { layer: "before" });
  await pushImage(server, "repo", "moved", { layer: "after" });
  const has = async (digest: string) => (await server.fetch(`/v2/repo/manifests/${digest}`)).status === 200;
  expect((await collectLater(server.root))?.manifests).toBe(0);
  expect(await has(untagged)).toBe(true);
  expect((await collectLater(server.root, { deleteUntagged: true }))?.manifests).toBe(1);
  expect(await Promise.all([untagged, digestOf(child), digestOf(signature), digestOf(index)].map(has))).toEqual([
    false,
    true,
    true,
    true,
  ]);
  expect((await checkStorage(await open(server.root, true))).damage).toEqual([]);
});

test("a blob that a client asked for is safe from the collector, however old it is", async () => {
  await using server = await inProcess();
  const digest = await pushBlob(server, "repo", "old");
  const old = new Date(Date.now() - 10 * 3_600_000);
  const link = join(server.root, "repositories/repo/_blobs", digest.replace(":", "/"));
  const collectNow = async () =>
    collect(await open(server.root), clock, { graceMs: 3_600_000, uploadExpiryMs: 3_600_000, deleteUntagged: false });
  utimesSync(link, old, old);
  expect((await server.fetch(`/v2/repo/blobs/${digest}`, { method: "HEAD" })).status).toBe(200);
  expect((await collectNow())?.blobs).toBe(0);
  utimesSync(link, old, old);
  expect((await server.fetch(`/v2/other/blobs/uploads/?mount=${digest}&from=repo`, { method: "POST" })).status).toBe(
    201,
  );
  await collectNow();
  expect((await server.fetch(`/v2/other/blobs/${digest}`)).status).toBe(200);
  utimesSync(link, old, old);
  expect((await collectNow())?.blobs).toBe(1);
  expect(existsSync(blobPath(server.root, digest))).toBe(false);
});

test("what a killed collector had put aside comes back when it is needed", async () => {
  await using server = await inProcess();
  const digest = await pushImage(server, "repo", "v1");
  const layer = digestOf("layer");
  const link = join(server.root, "repositories/repo/_blobs", layer.replace(":", "/"));
  renameSync(link, `${link}.trash`);
  renameSync(blobPath(server.root, digest), `${blobPath(server.root, digest)}.trash`);
  await collectLater(server.root);
  expect((await server.fetch(`/v2/repo/blobs/${layer}`)).status).toBe(200);
  expect(statSync(blobPath(server.root, digest)).nlink).toBe(2);
  expect((await checkStorage(await open(server.root, true))).damage).toEqual([]);
});

test("one collector at a time", async () => {
  await using server = await inProcess();
  const lock = lockFile(join(server.root, "gc.lock"));
  expect(await collectLater(server.root)).toBeUndefined();
  lock?.release();
  expect(await collectLater(server.root)).toBeDefined();
});

test("check finds torn blobs, missing references and lost tags; without the damaged files a push repairs", async () => {
  await using server = await inProcess();
  const digest = await pushImage(server, "repo", "v1", { layer: "good bytes" });
  const layer = blobPath(server.root, digestOf("good bytes"));
  const bad = join(server.root, "tmp/bad");
  writeFileSync(bad, "evil bytes");
  // As a disk would do it: the same file, other bytes.
  const link = join(server.root, "repositories/repo/_blobs", digestOf("good bytes").replace(":", "/"));
  for (const path of [layer, link]) {
    const staged = `${bad}-2`;
    linkSync(bad, staged);
    renameSync(staged, path);
  }
  writeFileSync(join(server.root, "repositories/repo/_tags/lost"), `sha256:${"0".repeat(64)}\n`);
  await must(server, `/v2/repo/blobs/${digestOf("{}")}`, { method: "DELETE" });
  const { damage } = await checkStorage(await open(server.root, true));
  expect(damage.map(({ where, what }) => `${where} ${what.split(" ")[0]}`).sort()).toEqual(
    [
      `${digestOf("good bytes")} does`,
      `repo:lost leads`,
      `repo@${digestOf("good bytes")} holds`,
      `repo@${digest} needs`,
    ].sort(),
  );
  expect(await removeDamaged(damage)).toBe(2);
  await pushImage(server, "repo", "v1", { layer: "good bytes" });
  await must(server, "/v2/repo/manifests/lost", { method: "DELETE" });
  expect((await checkStorage(await open(server.root, true))).damage).toEqual([]);
});

test("a repository with a manifest that cannot be read is left alone by the collector, the others are collected", async () => {
  await using server = await inProcess();
  const digest = await pushImage(server, "damaged", "v1");
  const other = await pushBlob(server, "sound", "garbage");
  const link = join(server.root, "repositories/damaged/_manifests", digest.replace(":", "/"));
  rmSync(link);
  writeFileSync(link, "{");
  // A server of its own has read no manifest yet.
  const collected = await collectLater(server.root);
  expect(collected).toMatchObject({ damaged: ["damaged"], blobs: 2 });
  expect((await server.fetch(`/v2/damaged/blobs/${digestOf("layer")}`)).status).toBe(200);
  expect((await server.fetch(`/v2/sound/blobs/${other}`)).status).toBe(404);
});
