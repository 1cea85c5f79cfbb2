import { expect, test } from "bun:test";
import { createLimiter } from "./limiter.ts";
import { createMemory } from "./memory.ts";
import { createRegistry } from "./registry.ts";
import { RequestFailed } from "./request-failed.ts";
import { parseSettings } from "./settings.ts";
import type { Answer, Call } from "./transport.ts";

const digest = `sha256:${"0a".repeat(32)}`;

function registryOf(answers: Record<string, { body?: unknown; headers?: Record<string, string>; status?: number }>) {
  const asked: string[] = [];
  const send = async ({ path, method = "GET" }: Call): Promise<Answer> => {
    asked.push(method === "GET" ? path : `${method} ${path}`);
    const { body = {}, headers = {}, status = 200 } = answers[path] ?? { status: 404 };
    if (status !== 200) throw new RequestFailed({ kind: "answer", status, code: "", message: "" });
    return { body: JSON.stringify(body), header: (name) => headers[name] ?? null };
  };
  return { asked, registry: createRegistry(send, "http://r/") };
}

function complaint(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "none",
    (error: Error) => error.message,
  );
}

test("names outside the grammar are left out of lists", async () => {
  const { registry } = registryOf({
    "/v2/_catalog?n=100": {
      body: { repositories: ["a", "../x", "<img>", 7, "b/c"] },
      headers: { Link: "</v2/_catalog?last=c>; rel=next" },
    },
    "/v2/a/tags/list?n=100": { body: { tags: ["1", "a/b", ""] } },
    "/v2/b/tags/list?n=100": { body: { tags: null } },
  });
  expect(await registry.repositories()).toEqual({ items: ["a", "b/c"], next: "/v2/_catalog?last=c" });
  expect(await registry.tags("a")).toEqual({ items: ["1"], next: undefined });
  expect(await registry.tags("b")).toEqual({ items: [], next: undefined });
});

test("what is no digest is never asked for", async () => {
  const { registry, asked } = registryOf({});
  for (const bad of ["../../x", "", "a/b", "sha256:"]) {
    expect(await complaint(registry.manifest("a", bad))).toContain("This cannot be read");
    expect(await complaint(registry.config("a", bad))).toContain("This cannot be read");
    expect(await complaint(registry.remove("a", bad))).toContain("This cannot be read");
  }
  expect(await complaint(registry.config("a", "latest"))).toContain("This cannot be read");
  expect(asked).toEqual([]);
});

test("referrers come from the API, else from the fallback tag, and a registry without the API is asked once", async () => {
  const one = { digest, mediaType: "m", size: 3, artifactType: "application/spdx+json" };
  const path = `/v2/a/referrers/${digest}`;
  const api = registryOf({ [path]: { body: { manifests: [one] } } });
  expect((await api.registry.referrers("a", digest)).map(({ artifactType }) => artifactType)).toEqual([
    one.artifactType,
  ]);
  const fallback = `/v2/a/manifests/${digest.replace(":", "-")}`;
  const old = registryOf({ [fallback]: { body: { manifests: [one] } } });
  expect(await old.registry.referrers("a", digest)).toHaveLength(1);
  expect(await old.registry.referrers("a", digest)).toHaveLength(1);
  expect(old.asked).toEqual([path, fallback, fallback]);
  expect(await registryOf({}).registry.referrers("a", digest)).toEqual([]);
  expect(await complaint(registryOf({ [path]: { status: 500 } }).registry.referrers("a", digest))).toContain("500");
});

test("all pages of referrers are read, but not for ever", async () => {
  const path = `/v2/a/referrers/${digest}`;
  const page = (next: string) => ({ body: { manifests: [{ digest }] }, headers: { Link: `<${next}>; rel=next` } });
  const two = registryOf({ [path]: page(`${path}?p=2`), [`${path}?p=2`]: { body: { manifests: [{ digest }] } } });
  expect(await two.registry.referrers("a", digest)).toHaveLength(2);
  const circle = registryOf({ [path]: page(path) });
  expect(await circle.registry.referrers("a", digest)).toHaveLength(10);
});

test("what was deleted is not remembered", async () => {
  const path = `/v2/a/manifests/${digest}`;
  const { registry, asked } = registryOf({ [path]: {} });
  await registry.manifest("a", digest);
  await registry.remove("a", digest);
  await registry.manifest("a", digest);
  expect(asked).toEqual([path, `DELETE ${path}`, path]);
});

test("a manifest is asked for by digest once, by tag each time", async () => {
  const { registry, asked } = registryOf({ [`/v2/a/manifests/${digest}`]: {}, "/v2/a/manifests/1": {} });
  for (const reference of [digest, digest, "1", "1"]) await registry.manifest("a", reference);
  expect(asked).toHaveLength(3);
});

test("no more tasks run at a time than allowed, and failures give their place away", async () => {
  const limited = createLimiter(2);
  let [running, most] = [0, 0];
  const task = (fails: boolean) =>
    limited(async () => {
      most = Math.max(most, ++running);
      await Promise.resolve();
      running--;
      if (fails) throw new Error("failed");
    });
  const results = await Promise.allSettled([true, false, true, false, false, true, false].map(task));
  expect(results.filter(({ status }) => status === "rejected")).toHaveLength(3);
  expect([most, running]).toEqual([2, 0]);
});

test("the memory forgets the oldest and keeps no failure", async () => {
  const memory = createMemory<string>(2);
  let made = 0;
  const get = (key: string) => memory(key, async () => `${key}${++made}`);
  expect([await get("a"), await get("b"), await get("a"), await get("c"), await get("a")]).toEqual([
    "a1",
    "b2",
    "a1",
    "c3",
    "a4",
  ]);
  expect(await complaint(memory("x", () => Promise.reject(new Error("no"))))).toContain("no");
  expect(await memory("x", async () => "yes")).toBe("yes");
});

test("settings of a wrong type allow nothing", () => {
  expect(parseSettings({ delete: "yes", readOnly: 1, version: 2, proxyOf: null })).toEqual({
    delete: false,
    readOnly: false,
    version: "",
    proxyOf: "",
  });
  expect(parseSettings({ delete: true, readOnly: false, version: "1", proxyOf: "docker.io" }).delete).toBe(true);
});
