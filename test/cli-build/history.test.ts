import { expect, test } from "bun:test";
import type { HistoryRecord } from "../../src/builder/builder.ts";
import { gantry } from "../cli/gantry.ts";
import { createFakeBuilder } from "./fake-builder.ts";
import { serveBuilder } from "./serve-builder.ts";

function record(ref: string, more: Partial<HistoryRecord> = {}): HistoryRecord {
  const startedAt = new Date(Date.now() - 125_000);
  return {
    ref,
    name: "",
    context: "/src/app",
    dockerfile: "Dockerfile",
    target: "",
    startedAt,
    completedAt: new Date(startedAt.getTime() + 1500),
    status: "completed",
    error: "",
    steps: { total: 4, completed: 4, cached: 1, warnings: 0 },
    imageId: "sha256:abc",
    pinned: false,
    platforms: ["linux/amd64"],
    ...more,
  };
}

async function served() {
  const builder = createFakeBuilder();
  builder.records = [
    record("cc01"),
    record("bb02", { status: "error", error: "exit code: 1", target: "test" }),
    record("bb03"),
  ];
  const daemon = await serveBuilder(builder);
  return {
    builder,
    daemon,
    run: (...args: string[]) => gantry(daemon.host, args),
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  };
}

test("history ls", async () => {
  await using s = await served();
  const { out } = await s.run("builder", "history", "ls");
  expect(out.split("\n")[0]?.split(/\s{2,}/)).toEqual(["BUILD ID", "NAME", "STATUS", "CREATED AT", "DURATION"]);
  expect(out.split("\n")[1]?.split(/\s{2,}/)).toEqual(["cc01", "/src/app", "Completed", "2 minutes ago", "1.5s"]);
  expect((await s.run("buildx", "history", "ls", "-q", "--filter", "status=error")).out).toBe("bb02\n");
  expect((await s.run("build", "history")).out).toBe(out);
});

test("history inspect finds by the beginning of an ID, and by how long ago", async () => {
  await using s = await served();
  expect((await s.run("builder", "history", "inspect")).out).toContain("Build:          cc01\n");
  const { out } = await s.run("builder", "history", "inspect", "^1");
  expect(out).toContain("Status:         error\n");
  expect(out).toContain("Build Steps:    4/4 (25% cached)\n");
  expect(out).toContain("Error:          exit code: 1\n");
  expect(JSON.parse((await s.run("builder", "history", "inspect", "bb03", "--format", "json")).out)).toMatchObject({
    Ref: "bb03",
  });
  expect((await s.run("builder", "history", "inspect", "bb")).err).toContain("the beginning of 2 builds");
  expect((await s.run("builder", "history", "inspect", "dd")).err).toContain('no record found for "dd"');
  expect((await s.run("builder", "history", "inspect", "^7")).err).toContain("only 3 build records");
});

test("history logs are those of the build", async () => {
  await using s = await served();
  const job = s.builder.start("cc01", { session: {} as never });
  const at = new Date();
  const vertex = {
    digest: "a",
    inputs: [],
    name: "RUN x",
    startedAt: at,
    completedAt: undefined,
    cached: false,
    error: "",
    stage: "",
    step: "",
  };
  s.builder.tell("cc01", { kind: "vertex", vertex });
  s.builder.tell("cc01", { kind: "log", vertex: "a", stream: 1, data: Buffer.from("hello\n"), at });
  s.builder.tell("cc01", { kind: "vertex", vertex: { ...vertex, completedAt: at } });
  job.finish({ error: undefined });
  expect((await s.run("builder", "history", "logs", "cc01")).out).toBe("#1 RUN x\n#1 0.000 hello\n#1 DONE 0.0s\n\n");
});

test("history rm", async () => {
  await using s = await served();
  expect((await s.run("builder", "history", "rm", "bb02", "cc01")).out).toBe("bb02\ncc01\n");
  expect(s.builder.records.map(({ ref }) => ref)).toEqual(["bb03"]);
  expect((await s.run("builder", "history", "rm")).err).toContain("name the builds, or --all of them");
  expect((await s.run("builder", "history", "rm", "--all")).code).toBe(0);
  expect(s.builder.records).toEqual([]);
});

test("the verbs are in the help", async () => {
  const help = async (...args: string[]) => (await gantry("unix:///nonexistent", args)).out;
  expect(await help("builder", "--help")).toContain("  history     Commands to work on build records\n");
  expect(await help("builder", "history", "--help")).toContain("  logs        Print the logs of a build record\n");
  expect(await help("help", "builder", "history", "ls")).toContain("Usage:  gantry builder history ls [OPTIONS]\n");
  const build = await help("build", "--help");
  expect(build).toContain("  # RUN --mount=type=secret,id=token reads the file; no layer keeps it\n");
  expect(build).toContain("  -t, --tag list ");
  expect(build).not.toContain("--isolation");
  expect((await gantry("unix:///nonexistent", ["builder", "history", "lst"])).err).toContain(
    "Did you mean 'gantry builder history ls'?",
  );
});

test("du and prune", async () => {
  const items = [
    {
      ID: "a1",
      Type: "regular",
      Description: "RUN x",
      InUse: false,
      Shared: false,
      Size: 1500,
      CreatedAt: "2026-01-01T00:00:00Z",
      LastUsedAt: null,
      UsageCount: 1,
    },
    {
      ID: "b2",
      Type: "exec.cachemount",
      Description: "cache",
      InUse: true,
      Shared: true,
      Size: 2_000_000,
      CreatedAt: "2026-01-01T00:00:00Z",
      LastUsedAt: null,
      UsageCount: 3,
    },
  ];
  const asked: string[] = [];
  const path = `${(await import("node:os")).tmpdir()}/gantry-du-${process.pid}.sock`;
  const server = Bun.serve({
    unix: path,
    fetch(request) {
      const { pathname, search } = new URL(request.url);
      asked.push(pathname.replace(/^\/v[\d.]+/, "") + search);
      return Response.json(
        pathname.endsWith("/df")
          ? { BuildCacheUsage: { Items: items } }
          : { CachesDeleted: ["a1"], SpaceReclaimed: 1500 },
      );
    },
  });
  const run = async (...args: string[]) => (await gantry(`unix://${path}`, args)).out;
  const { out } = { out: await run("builder", "du") };
  expect(out.split("\n").map((line) => line.split(/\s{2,}|\t+/).slice(0, 3))).toEqual([
    ["ID", "RECLAIMABLE", "SIZE"],
    ["b2*", "false", "2MB"],
    ["a1", "true", "1.5kB"],
    ["Shared:", "2MB"],
    ["Private:", "1.5kB"],
    ["Reclaimable:", "1.5kB"],
    ["Total:", "2.002MB"],
    [""],
  ]);
  expect(await run("buildx", "du", "--filter", "type=regular", "--format", "{{.ID}} {{.Description}}")).toBe(
    "a1 RUN x\n",
  );
  expect(await run("builder", "prune", "-a", "-f", "--filter", "until=1h", "--keep-storage", "1gb")).toBe(
    "Deleted build cache objects:\na1\n\nTotal reclaimed space: 1.5kB\n",
  );
  expect(new URLSearchParams(asked.at(-1)?.split("?")[1]).get("reserved-space")).toBe(String(2 ** 30));
  await server.stop(true);
});
