import { expect, test } from "bun:test";
import type { CopyOp, CopySource, Graph, Op, RunOp, RunOpMount } from "../graph.ts";
import { cacheKey, neededVertices, vertexDigests } from "./vertex-keys.ts";

const mount: RunOpMount["mount"] = {
  type: "cache",
  target: "/c",
  source: "",
  from: "",
  readOnly: false,
  id: "c",
  sharing: "shared",
  required: false,
  env: undefined,
  sizeBytes: undefined,
  mode: undefined,
  uid: undefined,
  gid: undefined,
};

const run: RunOp = {
  kind: "run",
  argv: ["/bin/sh", "-c", "make"],
  environment: ["A=1", "HTTP_PROXY=http://p"],
  uncachedNames: ["HTTP_PROXY"],
  workingDirectory: "/",
  user: "",
  network: "default",
  security: "sandbox",
  devices: [],
  mounts: [],
  stdin: "x",
  hostname: "",
  extraHosts: [],
  shmSizeBytes: undefined,
  ulimits: [],
  cgroupParent: "",
  resources: {},
  epochSeconds: undefined,
  platform: { os: "linux", architecture: "amd64" },
};

const source: CopySource = { input: 1, path: "a", wildcards: false, unpack: "never", optional: false };

const copy: CopyOp = {
  kind: "copy",
  sources: [source],
  destination: "/d/",
  owner: undefined,
  mode: undefined,
  parents: false,
  exclude: [],
  epochSeconds: undefined,
};

const mkdir: Extract<Op, { kind: "mkdir" }> = {
  kind: "mkdir",
  path: "/w",
  mode: 0o755,
  owner: undefined,
  epochSeconds: undefined,
};

const keyOf = (op: Op, parts: Partial<Parameters<typeof cacheKey>[0]> = {}) =>
  cacheKey({ op, trees: ["sha256:base"], content: "", ...parts });

/** Another value for every field that counts. A new field of an op does not compile until it is here. */
const CHANGED_RUN: { [Name in keyof Required<Omit<RunOp, "kind" | "uncachedNames" | "resources">>]: RunOp[Name] } = {
  argv: ["/bin/sh", "-c", "make all"],
  environment: ["A=2", "HTTP_PROXY=http://p"],
  workingDirectory: "/w",
  user: "1",
  network: "none",
  security: "insecure",
  devices: ["vendor.com/gpu=0"],
  mounts: [{ mount, input: undefined }],
  stdin: "y",
  hostname: "h",
  extraHosts: ["a:1.2.3.4"],
  shmSizeBytes: 1,
  ulimits: [{ name: "nofile", soft: 1, hard: 2 }],
  cgroupParent: "/x",
  epochSeconds: 0,
  platform: { os: "linux", architecture: "arm64" },
};

const CHANGED_COPY: { [Name in keyof Omit<CopyOp, "kind">]: CopyOp[Name] } = {
  sources: [],
  destination: "/d",
  owner: { user: "1", group: undefined },
  mode: "0644",
  parents: true,
  exclude: ["*.md"],
  epochSeconds: 0,
};

const CHANGED_SOURCE: CopySource = { input: 2, path: "b", wildcards: true, unpack: "detect", optional: true };

const CHANGED_MKDIR: Record<string, unknown> = { path: "/v", mode: 0o700, owner: { user: "1" }, epochSeconds: 0 };

const CHANGED_MOUNT: { [Name in keyof RunOpMount["mount"]]: RunOpMount["mount"][Name] } = {
  type: "tmpfs",
  target: "/d",
  source: "/s",
  from: "f",
  readOnly: true,
  id: "d",
  sharing: "locked",
  required: true,
  env: "E",
  sizeBytes: 1,
  mode: 0o700,
  uid: 1,
  gid: 1,
};

const variants = (op: Op, changes: object): [string, Op][] =>
  Object.entries(changes).map(([name, value]) => [`${op.kind} ${name}`, { ...op, [name]: value } as Op]);

const ALL: [string, Op][] = [
  ["run", run],
  ["copy", copy],
  ["mkdir", mkdir],
  ["link", { kind: "link" }],
  ...variants(run, CHANGED_RUN),
  ...variants(copy, CHANGED_COPY),
  ...variants(mkdir, CHANGED_MKDIR),
  ...Object.entries(CHANGED_SOURCE).map(([name, value]): [string, Op] => [
    `source ${name}`,
    { ...copy, sources: [{ ...source, [name]: value } as CopySource] },
  ]),
  ...Object.entries(CHANGED_MOUNT).map(([name, value]): [string, Op] => [
    `mount ${name}`,
    { ...run, mounts: [{ mount: { ...mount, [name]: value } as typeof mount, input: undefined }] },
  ]),
  ["mount input", { ...run, mounts: [{ mount, input: 1 }] }],
];

test("each field of each op, its base and its content change the key", () => {
  const keys = new Map<string, string>();
  for (const [name, op] of ALL) {
    const key = keyOf(op);
    expect(`${name} is like ${keys.get(key) ?? "no other"}`).toBe(`${name} is like no other`);
    keys.set(key, name);
  }
  const others = [{ trees: ["sha256:other"] }, { trees: [undefined] }, { content: "sha256:files" }].map((parts) =>
    keyOf(run, parts),
  );
  expect(new Set([...others, keyOf(run)]).size).toBe(4);
});

test("a tree and a content are never taken for one another", () => {
  expect(keyOf({ kind: "link" }, { trees: ["a", "b"] })).not.toBe(
    keyOf({ kind: "link" }, { trees: ["a"], content: "b" }),
  );
});

test("proxies, limits and the order of names in JSON do not count", () => {
  const key = keyOf(run);
  expect(keyOf({ ...run, environment: ["A=1", "HTTP_PROXY=http://q"] })).toBe(key);
  expect(keyOf({ ...run, environment: ["A=1"], uncachedNames: [] })).toBe(key);
  expect(keyOf({ ...run, resources: { memoryBytes: 1 } })).toBe(key);
  expect(keyOf(Object.fromEntries(Object.entries(run).reverse()) as unknown as RunOp)).toBe(key);
  // A name that only begins like one that does not count does.
  expect(keyOf({ ...run, environment: ["A=1", "HTTP_PROXY=http://p", "HTTP_PROXY_X=1"] })).not.toBe(key);
});

test("keys stay what they are: records of the cache outlive the program", () => {
  expect(String(keyOf(mkdir))).toBe("sha256:ec2338a0cd59498095f78ee15adda659cb681e3e9fb4ef67a0b3cc183fe4f3f1");
});

const graph: Graph = {
  vertices: (
    [
      [{ kind: "scratch" }, []],
      [{ kind: "context", name: "context", include: [], followPaths: [] }, []],
      [copy, [0, 1]],
      [mkdir, [0]],
      [run, [2]],
    ] as [Op, number[]][]
  ).map(([op, inputs]) => ({ op, inputs, name: "", stage: "", location: undefined, ignoreCache: false })),
};

test("only what the wanted vertices need is needed, inputs first", () => {
  expect(neededVertices(graph, [4])).toEqual([0, 1, 2, 4]);
  expect(neededVertices(graph, [3])).toEqual([0, 3]);
  expect(neededVertices(graph, [])).toEqual([]);
});

test("a vertex's name in events depends on its op and inputs, not on its place", () => {
  const digests: string[] = vertexDigests(graph);
  expect(new Set(digests).size).toBe(5);
  const [scratch, context, copied, , ran] = graph.vertices as [never, never, never, never, never];
  const moved: Graph = { vertices: [context, scratch, { ...(copied as object), inputs: [1, 0] } as never, ran] };
  expect<string[]>([...vertexDigests(moved)]).toEqual([1, 0, 2, 4].map((at) => digests[at] as string));
  expect(() => vertexDigests({ vertices: [{ ...graph.vertices[2] } as never] })).toThrow("which is not before it");
});
