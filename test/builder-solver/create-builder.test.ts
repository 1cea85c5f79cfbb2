import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSystemClock } from "../../src/base/clock.ts";
import { messageOf } from "../../src/base/errors.ts";
import { silentLogger } from "../../src/base/logger.ts";
import type { BuildJob, Solved, SolveRequest } from "../../src/builder/builder.ts";
import { type BuilderDeps, createBuilder } from "../../src/builder/create-builder.ts";
import type { BuildSession } from "../../src/builder/session.ts";
import { createHistoryStore } from "../../src/builder/solver/history-store.ts";
import type { JobScope } from "../../src/builder/solver/solve-request.ts";
import { createLeases } from "../../src/images/leases.ts";
import { until } from "../harness/until.ts";

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

const request = { fileName: "Dockerfile", target: "", platforms: [], context: undefined } as unknown as SolveRequest;
const never = new AbortController().signal;
const nothing: Solved = { targets: [], warnings: [] };

/** A builder whose solving is a function. */
function open(solve: (scope: JobScope) => Promise<void> = async () => {}) {
  const root = mkdtempSync(join(tmpdir(), "gantry-builder-"));
  directories.push(root);
  const leases = createLeases();
  const system = createSystemClock();
  const told: string[] = [];
  const deps = {
    solver: {
      solve: async (_: SolveRequest, scope: JobScope) => {
        await solve(scope);
        return { solved: nothing, request, cached: [], source: undefined };
      },
    },
    outputs: { export: async () => ({ imageId: "sha256:made", response: { a: "b" } }) },
    images: { store: { leases } },
    history: createHistoryStore({ root, logger: silentLogger }),
    cache: { flush: () => void told.push("flushed") },
    keeper: {
      buildEnded: () => void told.push("ended"),
      settled: async () => {},
      list: async () => [],
      prune: async () => ({ removed: [], reclaimedBytes: 7 }),
    },
    contexts: { close: async () => void told.push("contexts closed") },
    publish: ({ action, attributes }: { action: string; attributes: object }) =>
      void told.push(`${action} ${JSON.stringify(attributes)}`),
    // Nobody is waited for as long as in earnest.
    clock: { ...system, sleep: (ms: number, signal?: AbortSignal) => system.sleep(ms / 10, signal) },
    logger: silentLogger,
  };
  return { builder: createBuilder(deps as unknown as BuilderDeps), leases, told };
}

const vertex = (digest: string, completed: boolean) => ({
  kind: "vertex" as const,
  vertex: {
    digest,
    inputs: [],
    name: digest,
    startedAt: new Date(),
    completedAt: completed ? new Date() : undefined,
    cached: completed,
    error: "",
    stage: "",
    step: "",
  },
});

async function eventsOf(job: BuildJob): Promise<string[]> {
  const names: string[] = [];
  for await (const event of job.events(never)) names.push(event.kind === "vertex" ? event.vertex.name : event.kind);
  return names;
}

test("a build is in the history while it runs, and afterwards with its end, its image and its events", async () => {
  const go = Promise.withResolvers<void>();
  const { builder, told } = open(async ({ report }) => {
    report(vertex("a", false));
    await go.promise;
    report(vertex("a", true));
  });
  const job = builder.start("one", { session: undefined, name: "my build" });
  const solving = job.solve(request, never);
  await until("it has begun", () => builder.history()[0]?.steps.total === 1);
  expect(builder.history()[0]).toMatchObject({ ref: "one", name: "my build", status: "running" });
  go.resolve();
  const exported = await job.export(await solving, [], { cacheTo: [], signal: never });
  expect(exported.imageId).toBe("sha256:made");
  const events = eventsOf(job);
  job.finish({ error: undefined });
  job.finish({ error: "too late" });
  expect(await events).toEqual(["a", "a"]);
  await until("it has given back what it had", () => told.includes("ended"));
  expect(builder.history()[0]).toMatchObject({
    status: "completed",
    imageId: "sha256:made",
    dockerfile: "Dockerfile",
    steps: { total: 1, completed: 1, cached: 1 },
  });
  const logs: string[] = [];
  for await (const event of builder.logs("one")) logs.push(event.kind);
  expect(logs).toEqual(["vertex", "vertex"]);
  // Its events are there for a moment for whoever comes late, and the name can be used again.
  expect(await eventsOf(await builder.job("one", never))).toEqual(["a", "a"]);
  builder.start("one", { session: undefined }).finish({ error: undefined });
  builder.forget("one");
  expect(builder.history()).toEqual([]);
  await builder.close();
});

test("a name is one build's at a time, and a name", () => {
  const { builder } = open();
  const job = builder.start("one", { session: undefined });
  expect(() => builder.start("one", { session: undefined })).toThrow("job ID one exists");
  expect(() => builder.forget("one")).toThrow("build one is running");
  for (const bad of ["", "x".repeat(300)])
    expect(() => builder.start(bad, { session: undefined })).toThrow("invalid name of a build");
  job.finish({ error: undefined });
  expect(() => builder.forget("other")).toThrow("No such build: other");
});

test("a build that is about to begin is waited for; one that never does is not", async () => {
  const { builder } = open();
  const waiting = builder.job("soon", never);
  const job = builder.start("soon", { session: undefined });
  expect(await waiting).toBe(job);
  const abort = new AbortController();
  const leaving = builder.job("never", abort.signal).catch(messageOf);
  abort.abort(new Error("gone"));
  expect(await leaving).toBe("gone");
  expect(await builder.job("never", never).catch(messageOf)).toBe("no such job never");
  job.finish({ error: undefined });
});

const hold = (scope: JobScope) => {
  scope.resources.hold(["sha256:held"]);
  return new Promise<void>((_, reject) =>
    scope.signal.addEventListener("abort", () => reject(scope.signal.reason as Error)),
  );
};

test("cancelled, or left by its client, a build ends, and holds nothing any more", async () => {
  for (const how of ["cancel", "client"]) {
    const { builder, leases, told } = open(hold);
    const client = new AbortController();
    const session = { closed: client.signal } as BuildSession;
    const job = builder.start("one", { session });
    const solving = job.solve(request, never).then(() => "solved", messageOf);
    expect(leases.has("sha256:held")).toBe(true);
    if (how === "cancel") builder.cancel("one");
    else client.abort(new Error("the client has gone"));
    const error = await solving;
    expect(error).toBe(how === "cancel" ? "the build was canceled" : "the client has gone");
    job.finish({ error });
    await until("it has given back what it had", () => told.includes("ended"));
    expect(leases.has("sha256:held")).toBe(false);
    expect(builder.history()[0]).toMatchObject({ status: "canceled", error });
  }
});

test("what a build has lent to others it gives back when they are done with it", async () => {
  const work = Promise.withResolvers<void>();
  const { builder, leases } = open(async ({ resources }) => {
    resources.hold(["sha256:held"]);
    resources.lend(work.promise);
  });
  const job = builder.start("one", { session: undefined });
  await job.solve(request, never);
  job.finish({ error: undefined });
  await Promise.resolve();
  expect(leases.has("sha256:held")).toBe(true);
  work.resolve();
  await until("it is given back", () => !leases.has("sha256:held"));
});

test("closing ends what runs, writes what is not written, and takes nothing new", async () => {
  const { builder, told, leases } = open(hold);
  const solving = builder.start("one", { session: undefined }).solve(request, never).catch(messageOf);
  await builder.close();
  expect(await solving).toBe("the daemon is shutting down");
  expect(told).toEqual(["ended", "flushed", "contexts closed"]);
  expect(leases.has("sha256:held")).toBe(false);
  expect(builder.history()[0]?.status).toBe("canceled");
  expect(() => builder.start("two", { session: undefined })).toThrow("the daemon is shutting down");
});

test("a prune is an event", async () => {
  const { builder, told } = open();
  await builder.prune({ all: false, filters: {}, keepStorageBytes: undefined });
  expect(told).toEqual(['prune {"reclaimed":"7"}']);
});
