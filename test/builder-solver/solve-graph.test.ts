import { expect, test } from "bun:test";
import { EngineError } from "../../src/base/errors.ts";
import type { BuildEvent } from "../../src/builder/events.ts";
import type { Graph } from "../../src/builder/graph.ts";
import type { TreeResult } from "../../src/builder/results.ts";
import { createBudget } from "../../src/builder/solver/budget.ts";
import { CANCELED, solveGraph, VertexError } from "../../src/builder/solver/solve-graph.ts";
import { until } from "../harness/until.ts";
import { chainGraph, layerOn, runOp, TestSolver, vertexOf } from "./test-solver.ts";

const copyVertex = (inputs: number[]) =>
  vertexOf(
    {
      kind: "copy",
      sources: [{ input: 1, path: ".", wildcards: false, unpack: "never", optional: false }],
      destination: "/d",
      owner: undefined,
      mode: undefined,
      parents: false,
      exclude: [],
      epochSeconds: undefined,
    },
    inputs,
  );

const contextVertex = () => vertexOf({ kind: "context", name: "context", include: [], followPaths: [] });

/** Two stages side by side, and one that nobody needs. */
const fork: Graph = {
  vertices: [
    vertexOf({ kind: "scratch" }),
    vertexOf(runOp("left"), [0]),
    vertexOf(runOp("right"), [0]),
    vertexOf(runOp("unused"), [0]),
    vertexOf({ kind: "link" }, [1, 2]),
  ],
};

test("stages side by side run at once, and what nobody needs does not run", async () => {
  const solver = new TestSolver();
  const both = Promise.withResolvers<void>();
  solver.run = async (command, base) => {
    // Each waits for the other: one after the other they would never end.
    if (solver.ran.includes("left") && solver.ran.includes("right")) both.resolve();
    await both.promise;
    return layerOn(base, command);
  };
  const result = await solver.solve(fork);
  expect(solver.ran.sort()).toEqual(["left", "right"]);
  expect(result.layers.length).toBe(2);
  const names = solver.events.flatMap((event) => (event.kind === "vertex" ? event.vertex.name : []));
  expect(names).not.toContain("[1/1] RUN unused");
});

test("a second build runs nothing, and says so", async () => {
  const solver = new TestSolver();
  const first = await solver.solve(chainGraph("a", "b"));
  solver.ran.length = solver.events.length = 0;
  const second = await solver.solve(chainGraph("a", "b"));
  expect(solver.ran).toEqual([]);
  expect(second).toEqual(first);
  const ends = solver.events.flatMap((event) =>
    event.kind === "vertex" && event.vertex.completedAt ? event.vertex : [],
  );
  expect(ends.map(({ cached }) => cached)).toEqual([true, true]);
});

test("a changed step makes those after it run again, unless it gives the same layer", async () => {
  const solver = new TestSolver();
  await solver.solve(chainGraph("a", "b", "c"));
  solver.ran.length = 0;
  await solver.solve(chainGraph("a", "B", "c"));
  expect(solver.ran).toEqual(["B", "c"]);
  solver.run = async (command, base) => layerOn(base, command === "b # again" ? "b" : command);
  solver.ran.length = 0;
  await solver.solve(chainGraph("a", "b # again", "c"));
  expect(solver.ran).toEqual(["b # again"]);
});

test("a copy is found by the files that it would copy", async () => {
  const solver = new TestSolver();
  const graph = { vertices: [vertexOf({ kind: "scratch" }), contextVertex(), copyVertex([0, 1])] };
  await solver.solve(graph);
  await solver.solve(graph);
  expect(solver.ran).toEqual(["COPY /d"]);
  solver.copyKey = async () => "other files";
  await solver.solve(graph);
  expect(solver.ran).toEqual(["COPY /d", "COPY /d"]);
});

test("what is in the records is only a hit while its layer is there", async () => {
  const solver = new TestSolver();
  const { chainId } = await solver.solve(chainGraph("a"));
  solver.layers.delete(String(chainId));
  await solver.solve(chainGraph("a"));
  expect(solver.ran).toEqual(["a", "a"]);
});

test("without the cache a step runs again, and its result replaces the old one", async () => {
  const solver = new TestSolver();
  await solver.solve(chainGraph("date"));
  solver.run = async (_, base) => layerOn(base, "later");
  const { vertices } = chainGraph("date");
  await solver.solve({ vertices: vertices.map((vertex) => ({ ...vertex, ignoreCache: true })) });
  expect(solver.ran).toEqual(["date", "date"]);
  expect((await solver.solve(chainGraph("date"))).chainId).toBe(layerOn(emptyBase, "later").chainId);
});

const emptyBase: TreeResult = {
  kind: "tree",
  layers: [],
  chainId: undefined,
  createdAt: new Date(0),
  added: undefined,
};

test("one step twice in a graph is carried out once and has one name", async () => {
  const solver = new TestSolver();
  const graph = {
    vertices: [
      vertexOf({ kind: "scratch" }),
      vertexOf(runOp("same"), [0], { ignoreCache: true }),
      vertexOf(runOp("same"), [0], { ignoreCache: true, name: "[other 1/1] RUN same" }),
      vertexOf({ kind: "link" }, [1, 2]),
    ],
  };
  await solver.solve(graph);
  expect(solver.ran).toEqual(["same"]);
  const names = solver.events.flatMap((event) => (event.kind === "vertex" ? event.vertex.name : []));
  expect(new Set(names)).toEqual(new Set(["[1/1] RUN same", "link"]));
});

test("the first failure ends what runs beside it, is told, and is what is thrown", async () => {
  const solver = new TestSolver();
  solver.run = (command, _, { signal }) => {
    if (command === "right") return Promise.reject(new EngineError("invalid-argument", "exit code: 1"));
    return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  };
  const failure = await solver.solve(fork).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(VertexError);
  expect((failure as VertexError).vertex.name).toBe("[1/1] RUN right");
  expect((failure as VertexError).message).toBe("exit code: 1");
  const errors = new Map(
    solver.events.flatMap((event) => (event.kind === "vertex" ? [[event.vertex.name, event.vertex.error]] : [])),
  );
  expect(errors.get("[1/1] RUN left")).toBe(CANCELED);
  expect(errors.get("[1/1] RUN right")).toBe("exit code: 1");
  // It never began.
  expect(errors.get("link")).toBe("");
  // A failure is not cached.
  solver.run = async (command, base) => layerOn(base, command);
  await solver.solve(fork);
  expect(solver.ran.filter((command) => command === "right").length).toBe(2);
});

test("a build that is cancelled ends with its signal's reason, and waits for the end of its work", async () => {
  const solver = new TestSolver();
  const abort = new AbortController();
  let hasEnded = false;
  solver.run = (_, __, { signal }) =>
    new Promise((_resolve, reject) =>
      signal.addEventListener("abort", () =>
        setTimeout(() => {
          hasEnded = true;
          reject(signal.reason);
        }, 20),
      ),
    );
  const solving = solver.solve(chainGraph("sleep"), { signal: abort.signal });
  await until("it runs", () => solver.ran.length > 0);
  abort.abort(new Error("gone"));
  expect(await solving.catch((error: unknown) => error)).toEqual(new Error("gone"));
  expect(hasEnded).toBe(true);
});

const logsOf = (events: BuildEvent[]) =>
  events.flatMap((event) => (event.kind === "log" ? Buffer.from(event.data).toString() : [])).join("");

test("two builds that want the same step share it: it runs once, and both see all its output", async () => {
  const solver = new TestSolver();
  const go = Promise.withResolvers<void>();
  solver.run = async (command, base, { report, vertex }) => {
    report({ kind: "log", vertex, stream: 1, data: Buffer.from("before "), at: new Date() });
    await go.promise;
    report({ kind: "log", vertex, stream: 1, data: Buffer.from("after"), at: new Date() });
    return layerOn(base, command);
  };
  const [left, right]: [BuildEvent[], BuildEvent[]] = [[], []];
  const held: string[] = [];
  const first = solver.solve(chainGraph("slow"), { report: (event) => left.push(event) });
  await until("the first runs", () => logsOf(left) !== "");
  const second = solver.solve(chainGraph("slow"), {
    report: (event) => right.push(event),
    scope: { buildId: "other", hold: (keys) => void held.push(...keys) },
  });
  await until("the second has joined", () => logsOf(right) !== "");
  go.resolve();
  expect(await first).toEqual(await second);
  expect(solver.ran).toEqual(["slow"]);
  expect([logsOf(left), logsOf(right)]).toEqual(["before after", "before after"]);
  expect(held).toContain(String((await first).chainId));
});

test("a build that gives up leaves a shared step to the other, and lends it what it has brought until then", async () => {
  const solver = new TestSolver();
  const go = Promise.withResolvers<void>();
  solver.run = async (command, base) => {
    await go.promise;
    return layerOn(base, command);
  };
  const abort = new AbortController();
  let lent: Promise<unknown> | undefined;
  let isLentOver = false;
  const first = solver.solve(chainGraph("slow"), {
    signal: abort.signal,
    scope: { lend: (work) => void (lent = work) },
  });
  await until("it runs", () => solver.ran.length > 0);
  const joined: BuildEvent[] = [];
  const second = solver.solve(chainGraph("slow"), {
    scope: { buildId: "other" },
    report: (event) => joined.push(event),
  });
  await until("it waits", () =>
    joined.some((event) => event.kind === "vertex" && event.vertex.startedAt && event.vertex.name.includes("RUN")),
  );
  abort.abort(new Error("gone"));
  expect(await first.catch((error: unknown) => error)).toEqual(new Error("gone"));
  void lent?.then(() => (isLentOver = true));
  await Promise.resolve();
  expect(isLentOver).toBe(false);
  go.resolve();
  expect((await second).layers.length).toBe(1);
  await lent;
  expect(solver.ran).toEqual(["slow"]);
});

test("steps with secrets, and steps without the cache, are each build's own", async () => {
  for (const change of [{ ignoreCache: true }, { secret: true }]) {
    const solver = new TestSolver();
    const both = Promise.withResolvers<void>();
    solver.run = async (command, base) => {
      if (solver.ran.length === 2) both.resolve();
      await both.promise;
      return layerOn(base, command);
    };
    const op = runOp("step");
    const secret = { type: "secret", target: "/s", id: "s" } as (typeof op)["mounts"][number]["mount"];
    if ("secret" in change) op.mounts = [{ mount: secret, input: undefined }];
    const graph = {
      vertices: [vertexOf({ kind: "scratch" }), vertexOf(op, [0], { ignoreCache: "ignoreCache" in change })],
    };
    await Promise.all([solver.solve(graph), solver.solve(graph, { scope: { buildId: "other" } })]);
    expect(solver.ran).toEqual(["step", "step"]);
  }
});

test("a result is brought from a cache elsewhere that the request names, and kept; a wrong or broken one is none", async () => {
  const solver = new TestSolver();
  const imported = layerOn(emptyBase, "from elsewhere");
  const keys: string[] = [];
  const importer = (result: TreeResult | Error) => ({
    lookup: async (key: string) => {
      keys.push(key);
      const fetch = async () => {
        if (result instanceof Error) throw result;
        solver.layers.add(String(result.chainId));
        return result;
      };
      return { layers: [], createdAt: new Date(), fetch };
    },
  });
  const wrong = { ...imported, chainId: "sha256:wrong" };
  for (const bad of [new Error("registry is gone"), wrong]) {
    const other = new TestSolver();
    expect((await other.solve(chainGraph("x"), { scope: { importer: importer(bad) } })).layers.length).toBe(1);
    expect(other.ran).toEqual(["x"]);
  }
  const result = await solver.solve(chainGraph("x"), { scope: { importer: importer(imported) } });
  expect(result.chainId).toBe(imported.chainId);
  await solver.solve(chainGraph("x"));
  expect(solver.ran).toEqual([]);
  expect(new Set(keys).size).toBe(1);
});

test("attack 40: what a cache elsewhere has for other layers than the step stands on is not even fetched", async () => {
  const solver = new TestSolver();
  const foreign = layerOn(layerOn(emptyBase, "foreign"), "evil");
  const asked: string[] = [];
  const fetched: string[] = [];
  const importer = {
    lookup: async (key: string) => {
      asked.push(key);
      const fetch = async () => {
        fetched.push(key);
        throw new Error("a bomb");
      };
      return { layers: foreign.layers, createdAt: new Date(), fetch };
    },
  };
  await solver.solve(chainGraph("x", "y"), { scope: { importer } });
  expect(solver.ran).toEqual(["x", "y"]);
  // Of the first step nobody can know: it stands on nothing.
  expect([asked.length, fetched]).toEqual([2, asked.slice(0, 1)]);
});

test("a step that waits for room has not started", async () => {
  const solver = new TestSolver();
  const budget = createBudget({ cpuCount: 1, memoryBytes: 0 });
  const deps = { ...solver.deps, budget };
  const go = Promise.withResolvers<void>();
  solver.run = async (command, base) => {
    await go.promise;
    return layerOn(base, command);
  };
  const started = () =>
    solver.events.flatMap((event) =>
      event.kind === "vertex" && event.vertex.startedAt && event.vertex.name.includes("RUN") ? event.vertex.name : [],
    );
  const report = (event: BuildEvent) => void solver.events.push(event);
  const signal = new AbortController().signal;
  const solving = solveGraph(deps, solver.scope(), { graph: fork, wanted: [4], report, signal });
  await until("one runs", () => solver.ran.length === 1);
  expect(started()).toEqual(["[1/1] RUN left"]);
  go.resolve();
  await solving;
  expect(new Set(started())).toEqual(new Set(["[1/1] RUN left", "[1/1] RUN right"]));
});
