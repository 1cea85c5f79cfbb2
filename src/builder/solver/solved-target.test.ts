import { expect, test } from "bun:test";
import { digestOf } from "../../formats/oci/digest.ts";
import type { HistoryStep, TargetPlan } from "../frontend/plan.ts";
import type { Graph } from "../graph.ts";
import type { TreeResult, VertexResult } from "../results.ts";
import { solvedTarget, type TargetParts } from "./solved-target.ts";

const time = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute));
const layer = (name: string) => ({ diffId: digestOf(name), digest: digestOf(name), sizeBytes: 1, mediaType: "" });

function tree(minute: number, added: string | undefined): TreeResult {
  const row = added === undefined ? undefined : layer(added);
  return { kind: "tree", layers: [], chainId: added, createdAt: time(minute), added: row };
}

const line = (createdBy: string, vertex?: number): HistoryStep => ({ createdBy, comment: "c", author: "", vertex });

const vertex = (op: Graph["vertices"][number]["op"], inputs: number[] = []) => ({
  op,
  inputs,
  name: "",
  stage: "",
  location: undefined,
  ignoreCache: false,
});

const graph: Graph = {
  vertices: [
    vertex({
      kind: "image",
      imageId: "sha256:base",
      reference: "docker.io/library/x:1@sha256:abc",
      platform: { os: "linux", architecture: "amd64" },
    }),
    vertex({ kind: "http", url: "https://host/a", checksum: undefined, fileName: "" }),
    vertex({ kind: "link" }, [0, 1]),
    vertex({ kind: "link" }, [2]),
    vertex({ kind: "http", url: "https://host/unused", checksum: undefined, fileName: "" }),
  ],
};

const source = (uri: string): VertexResult => ({
  kind: "files",
  source: { directory: "/", entries: [], origin: { uri, digest: "sha256:d" } },
});

function parts(history: HistoryStep[], change: Partial<TargetParts> = {}): TargetParts {
  const target: TargetPlan = {
    platform: { os: "linux", architecture: "amd64" },
    vertex: 3,
    base: { reference: "docker.io/library/x:1", imageId: "sha256:base", vertex: 0 },
    config: { os: "linux", config: { Cmd: ["x"] } },
    baseHistory: [{ created: "2020-01-01T00:00:00Z", created_by: "base" }],
    history,
    steps: [],
  };
  return {
    target,
    graph,
    results: new Map<number, VertexResult>([
      [0, tree(0, undefined)],
      [1, source("https://host/a")],
      [2, tree(5, "a")],
      [3, tree(9, "b")],
      [4, source("https://host/unused")],
    ]),
    images: new Map(),
    baseCreatedAt: time(0),
    epochSeconds: undefined,
    squashed: undefined,
    now: time(59),
    ...change,
  };
}

const steps = [line("ENV"), line("COPY", 2), line("CMD"), line("RUN", 3), line("USER")];
const timesOf = (config: Record<string, unknown>) =>
  (config["history"] as Record<string, unknown>[]).map(({ created, created_by: by, empty_layer: empty }) =>
    [by, String(created).slice(14, 16), empty === true ? "empty" : "layer"].join(" "),
  );

test("each line has the time of its layer, or of the one before: the same cached build is the same image", () => {
  const { config, materials, baseImageId } = solvedTarget(parts(steps));
  expect(timesOf(config)).toEqual([
    "base 00 layer",
    "ENV 00 empty",
    "COPY 05 layer",
    "CMD 05 empty",
    "RUN 09 layer",
    "USER 09 empty",
  ]);
  expect(config["created"]).toBe(time(9).toISOString());
  expect(config["config"]).toEqual({ Cmd: ["x"] });
  expect(solvedTarget(parts(steps, { now: time(30) })).config).toEqual(config);
  expect(baseImageId).toBe("sha256:base");
  expect(materials).toEqual([
    { uri: "docker.io/library/x:1@sha256:abc", digest: "sha256:abc" },
    { uri: "https://host/a", digest: "sha256:d" },
  ]);
});

test("a step that added no layer has an empty line", () => {
  const unchanged = parts([line("COPY", 2), line("WORKDIR", 3)]);
  unchanged.results.set(3, { ...tree(9, undefined) });
  expect(timesOf(solvedTarget(unchanged).config).slice(1)).toEqual(["COPY 05 layer", "WORKDIR 05 empty"]);
});

test("only config, on nothing: now, or the time that was asked for", () => {
  const alone = parts([line("ENV")], { baseCreatedAt: undefined });
  expect(solvedTarget(alone).config["created"]).toBe(time(59).toISOString());
  expect(solvedTarget({ ...alone, epochSeconds: 0 }).config["created"]).toBe("1970-01-01T00:00:00.000Z");
});

test("a time that was asked for is that of every line but the base's", () => {
  const { config } = solvedTarget(parts(steps, { epochSeconds: time(7).getTime() / 1000 }));
  expect(timesOf(config).map((text) => text.split(" ")[1])).toEqual(["00", "07", "07", "07", "07", "07"]);
  expect(config["created"]).toBe(time(7).toISOString());
});

test("squashed, the lines stay without layers, and one more has them all", () => {
  const { config, result } = solvedTarget(parts(steps, { squashed: tree(20, "all") }));
  const lines = timesOf(config);
  expect(lines.slice(1).map((text) => text.split(" ").at(-1))).toEqual([
    "empty",
    "empty",
    "empty",
    "empty",
    "empty",
    "layer",
  ]);
  expect(config["created"]).toBe(time(9).toISOString());
  expect(lines.at(-1)).toBe(" 09 layer");
  expect(result.chainId).toBe("all");
});

test("what went into the result of another build went into what stands on it", () => {
  const platform = { os: "linux", architecture: "amd64" };
  const image = vertex({ kind: "image", imageId: "sha256:other", reference: "base", platform });
  const vertices = [image, ...graph.vertices.slice(1)];
  const from = [{ uri: "https://host/of-the-other", digest: "sha256:1" }];
  const images = new Map([["sha256:other", { materials: from }]]);
  const { materials } = solvedTarget(parts(steps, { graph: { vertices }, images }));
  expect(materials[0]).toEqual(from[0] as (typeof from)[0]);
  expect(materials.map(({ uri }) => uri)).not.toContain("base");
});
