import { expect, test } from "bun:test";
import { EngineError, messageOf, notFound } from "../../src/base/errors.ts";
import { createImageResolver, type ResolveRequest, type ResolverDeps } from "../../src/builder/solver/resolve-image.ts";
import type { Digest } from "../../src/formats/oci/digest.ts";
import { canonicalReference, parseReference, type Reference } from "../../src/formats/reference/reference.ts";
import { until } from "../harness/until.ts";

const amd64 = { os: "linux", architecture: "amd64" };
const arm64 = { os: "linux", architecture: "arm64" };
const never = new AbortController().signal;
const NAME = "docker.io/library/app:latest";

/** Images by name, and a registry that has some. */
class World {
  readonly names = new Map<string, { id: string; target?: string }>();
  readonly images = new Map<string, string>();
  readonly pulled: string[] = [];
  /** What the registry gives for a name and a platform: an image's ID and its index. */
  registry = new Map<string, { id: string; target: string }>();
  beforePull: () => Promise<void> = async () => {};

  add(id: string, architecture: string): void {
    this.images.set(id, architecture);
  }

  readonly resolver = createImageResolver(this.#deps());

  resolve(change: Partial<ResolveRequest> = {}) {
    return this.resolver.resolve({
      reference: NAME,
      platform: amd64,
      pull: false,
      credentials: async () => undefined,
      report: () => {},
      hold: () => {},
      signal: never,
      ...change,
    });
  }

  #deps(): ResolverDeps {
    const entry = (id: string) => ({
      row: { id, manifestDigest: `manifest of ${id}`, layers: [] },
      document: { config: { os: "linux", architecture: this.images.get(id) ?? "" } },
    });
    const library = {
      variants: (text: string) => {
        const named = this.names.get(text)?.id ?? (this.images.has(text) ? text : undefined);
        if (named === undefined) throw notFound("image", text);
        const target = this.names.get(text)?.target;
        const others = [...this.registry.values()].filter((one) => one.target === target && this.images.has(one.id));
        return [...new Set([named, ...others.map(({ id }) => id)])].map(entry);
      },
      holder: (reference: Reference) => this.names.get(canonicalReference(reference))?.id as Digest | undefined,
      targetOf: (reference: Reference) => this.names.get(canonicalReference(reference))?.target as Digest | undefined,
      get: (id: string) => (this.images.has(id) ? entry(id) : undefined),
      tag: (id: string, reference: Reference, target?: string) =>
        this.names.set(canonicalReference(reference), { id, ...(target === undefined ? {} : { target }) }),
    };
    return {
      images: { library },
      distribution: {
        pull: async (reference: string, options: { platform?: string; report: (message: object) => void }) => {
          this.pulled.push(`${reference} ${options.platform}`);
          await this.beforePull();
          const found = this.registry.get(`${reference} ${options.platform}`);
          if (found === undefined) throw new EngineError("not-found", `manifest for ${reference} not found`);
          this.images.set(found.id, (options.platform ?? "").split("/")[1] ?? "");
          this.names.set(canonicalReference(parseReference(reference)), found);
          options.report({ id: "layer", status: "Pull complete" });
        },
      },
      content: { read: async (id: string) => Buffer.from(JSON.stringify({ id })) },
    } as unknown as ResolverDeps;
  }
}

test("an image that is here is taken, and held; nobody is asked", async () => {
  const world = new World();
  world.add("sha256:1", "amd64");
  world.names.set(NAME, { id: "sha256:1", target: "sha256:index" });
  const held: string[] = [];
  const image = await world.resolve({ hold: (keys) => void held.push(...keys) });
  expect(image.reference).toBe(`${NAME}@sha256:index`);
  expect(image.document).toEqual({ id: "sha256:1" });
  expect(held).toEqual(["sha256:1", "manifest of sha256:1"]);
  expect(world.pulled).toEqual([]);
});

test("one that is not here is pulled for the platform; with pull, also one that is", async () => {
  const world = new World();
  world.registry.set(`${NAME} linux/amd64`, { id: "sha256:1", target: "sha256:old" });
  expect((await world.resolve()).reference).toBe(`${NAME}@sha256:old`);
  world.registry.set(`${NAME} linux/amd64`, { id: "sha256:2", target: "sha256:new" });
  expect((await world.resolve()).row.id).toBe("sha256:1" as Digest);
  expect((await world.resolve({ pull: true })).row.id).toBe("sha256:2" as Digest);
  expect(world.pulled.length).toBe(2);
});

test("another platform's image of the same index does not take the name away", async () => {
  const world = new World();
  world.registry.set(`${NAME} linux/amd64`, { id: "sha256:amd", target: "sha256:index" });
  world.registry.set(`${NAME} linux/arm64`, { id: "sha256:arm", target: "sha256:index" });
  await world.resolve();
  expect((await world.resolve({ platform: arm64 })).row.id).toBe("sha256:arm" as Digest);
  expect(world.names.get(NAME)).toEqual({ id: "sha256:amd", target: "sha256:index" });
  expect((await world.resolve({ platform: arm64 })).row.id).toBe("sha256:arm" as Digest);
  expect(world.pulled.length).toBe(2);
});

test("builds that want the same image pull it once, and all see the progress; one that gives up leaves the rest", async () => {
  const world = new World();
  world.registry.set(`${NAME} linux/amd64`, { id: "sha256:1", target: "sha256:index" });
  const go = Promise.withResolvers<void>();
  world.beforePull = () => go.promise;
  const told: string[] = [];
  const abort = new AbortController();
  const first = world.resolve({ signal: abort.signal, report: () => void told.push("first") });
  await until("the pull has begun", () => world.pulled.length > 0);
  const second = world.resolve({ report: () => void told.push("second") });
  await until("the second has joined", async () => true);
  abort.abort(new Error("gone"));
  expect(await first.catch(messageOf)).toBe("gone");
  go.resolve();
  await second;
  expect(world.pulled.length).toBe(1);
  expect(told).toEqual(["second"]);
});

test("accounts are not shared: what one may pull says nothing about another", async () => {
  const world = new World();
  world.registry.set(`${NAME} linux/amd64`, { id: "sha256:1", target: "sha256:index" });
  const account = (username: string) => ({
    username,
    password: "p",
    identityToken: "",
    serverAddress: "",
    registryToken: "",
  });
  await Promise.all(
    ["alice", "bob"].map((name) => world.resolve({ pull: true, credentials: async () => account(name) })),
  );
  expect(world.pulled.length).toBe(2);
});

test("what the registry says is what the build says", async () => {
  expect(await new World().resolve().catch(messageOf)).toBe(`manifest for ${NAME} not found`);
});

test("an image is found by its ID, also by the beginning of it", async () => {
  const world = new World();
  const hex = "1a2b3c4d5e6f".repeat(6).slice(0, 64);
  world.add(hex, "amd64");
  for (const reference of [`docker.io/library/${hex}:latest`, `docker.io/library/sha256:${hex}`])
    expect((await world.resolve({ reference })).row.id).toBe(hex as Digest);
  expect(world.pulled).toEqual([]);
});
