import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf } from "../../src/base/errors.ts";
import { silentLogger } from "../../src/base/logger.ts";
import type { HistoryRecord } from "../../src/builder/builder.ts";
import { createHistoryStore } from "../../src/builder/solver/history-store.ts";

const directory = mkdtempSync(join(tmpdir(), "gantry-history-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const open = (name: string) => createHistoryStore({ root: join(directory, name), logger: silentLogger });

function record(ref: string, change: Partial<HistoryRecord> = {}): HistoryRecord {
  return {
    ref,
    name: "",
    context: ".",
    dockerfile: "Dockerfile",
    target: "",
    startedAt: new Date("2026-01-01T00:00:00Z"),
    completedAt: new Date("2026-01-01T00:01:00Z"),
    status: "completed",
    error: "",
    steps: { total: 3, completed: 3, cached: 1, warnings: 0 },
    imageId: undefined,
    pinned: false,
    platforms: ["linux/amd64"],
    ...change,
  };
}

const at = new Date("2026-01-01T00:00:30Z");
const log = { kind: "log", vertex: "v", stream: 1, data: Buffer.from("hello"), at } as const;

test("records and logs are there again for the next daemon; a build that ran has failed", async () => {
  const before = open("a");
  before.put(record("old"));
  await before.putLog("old", [log]);
  before.put(record("new", { startedAt: at, status: "running", completedAt: undefined }));
  const after = open("a");
  expect(after.list().map(({ ref, status }) => [ref, status])).toEqual([
    ["new", "error"],
    ["old", "completed"],
  ]);
  expect(after.list()[0]?.error).toBe("the daemon ended while the build was running");
  expect(after.list()[1]).toEqual(record("old"));
  expect(await after.log("old")).toEqual([log]);
  expect(await after.log("nobody").catch(messageOf)).toBe("No such build: nobody");
  // Told once, not by every daemon anew.
  expect(open("a").list()[0]?.status).toBe("error");
});

test("a ref is no path, and what nobody knows goes", async () => {
  const store = open("b");
  store.put(record("../../../etc/passwd"));
  await store.putLog("../../../etc/passwd", [log]);
  expect(readdirSync(join(directory, "b")).length).toBe(2);
  store.remove("../../../etc/passwd");
  expect(readdirSync(join(directory, "b"))).toEqual([]);
  for (const name of ["x.json.new", `${"0".repeat(64)}.log.gz`, `${"1".repeat(64)}.json`])
    writeFileSync(join(directory, "b", name), "{");
  expect(open("b").list()).toEqual([]);
  expect(readdirSync(join(directory, "b"))).toEqual([]);
});

test("the newest hundred are kept, and what runs in any case", async () => {
  const store = open("c");
  store.put(record("running", { startedAt: new Date(0), status: "running" }));
  for (let minute = 0; minute < 120; minute++)
    store.put(record(`build ${minute}`, { startedAt: new Date(at.getTime() + minute * 60_000) }));
  const refs = store.list().map(({ ref }) => ref);
  expect(refs[0]).toBe("build 119");
  expect(refs).toContain("running");
  expect(refs.length).toBeLessThanOrEqual(101);
  expect(readdirSync(join(directory, "c")).length).toBe(refs.length);
});

test("a directory that takes no file ends no build", () => {
  const store = open("d");
  rmSync(join(directory, "d"), { recursive: true });
  store.put(record("one"));
  expect(store.list().map(({ ref }) => ref)).toEqual(["one"]);
  store.remove("one");
  expect(store.list()).toEqual([]);
});

test("pinned builds stay while newer ones come, and are not without a limit", () => {
  const store = open("pinned");
  store.put(record("kept", { pinned: true, startedAt: new Date(0) }));
  store.put(record("not-kept", { startedAt: new Date(1) }));
  for (let build = 0; build < 110; build++) store.put(record(`build-${build}`, { startedAt: new Date(1000 + build) }));
  const refs = store.list().map(({ ref }) => ref);
  expect([refs.length, refs.includes("kept"), refs.includes("not-kept")]).toEqual([101, true, false]);
  for (let build = 11; build < 110; build++) store.put(record(`build-${build}`, { pinned: true }));
  expect(() => store.put(record("build-10", { pinned: true }))).toThrow("100 builds are pinned already");
  expect(
    open("pinned")
      .list()
      .find(({ ref }) => ref === "kept")?.pinned,
  ).toBe(true);
});
