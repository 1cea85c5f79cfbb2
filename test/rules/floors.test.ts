import { expect, test } from "bun:test";
import { folderOf, offence } from "./floors.ts";
import { filesBelow, type Import, importsOf, readSource } from "./source-tree.ts";

const sources = filesBelow("src", ".ts");
const imports = sources.flatMap((path) => importsOf(path));

test("a folder imports only from the floors below it", () => {
  const offences = imports
    .filter(({ from }) => !from.endsWith(".test.ts"))
    .map(({ from, to, typeOnly }) => [offence(from, to, typeOnly), chainTo(from)] as const)
    .filter(([reason]) => reason !== undefined)
    .map(([reason, chain]) => `${reason}\n    reached by ${chain}`);
  expect(offences).toEqual([]);
});

test("no file imports itself through others when it is loaded", () => {
  expect(cycles(imports.filter(({ typeOnly, lazy }) => !typeOnly && !lazy))).toEqual([]);
});

test("there are no index.ts barrels", () => {
  expect(sources.filter((path) => path.endsWith("/index.ts"))).toEqual([]);
});

test("only kernel/ calls foreign functions or starts programs", () => {
  const forbidden = /from "(bun:ffi|node:child_process)"|\bBun\.spawn(Sync)?\(/;
  const allowed = new Set(["kernel", "bin"]);
  const offenders = sources.filter(
    (path) => !path.endsWith(".test.ts") && !allowed.has(folderOf(path)) && forbidden.test(readSource(path)),
  );
  expect(offenders).toEqual([]);
});

test("the command line does not load node:http", () => {
  const offenders = sources.filter((path) => /^src\/(cli|client|wire)\//.test(path) && !path.endsWith(".test.ts"));
  expect(offenders.filter((path) => /from "node:https?"/.test(readSource(path)))).toEqual([]);
});

test("the reader of imports tells types from values", () => {
  const text = `
    import { a, type B } from "./a.ts"; import type { C } from "../c/c.ts";
    import { type D, type E } from "./d.ts"; export * from "./e.ts"; // import "./no.ts"
    await import("./lazy.ts"); import "./effect.ts"; import x from "node:fs";
    new Worker(new URL("./worker.ts", import.meta.url));`;
  const found = importsOf("src/base/x.ts", text).map(({ to, typeOnly }) => `${to}${typeOnly ? " (type)" : ""}`);
  expect(found.sort()).toEqual([
    "src/base/a.ts",
    "src/base/d.ts (type)",
    "src/base/e.ts",
    "src/base/effect.ts",
    "src/base/lazy.ts",
    "src/base/worker.ts",
    "src/c/c.ts (type)",
  ]);
});

test("the table refuses what it does not list", () => {
  expect(offence("src/api/a.ts", "src/containers/containers.ts", true)).toBeUndefined();
  expect(offence("src/api/a.ts", "src/containers/containers.ts", false)).toContain("import type");
  expect(offence("src/cli/a.ts", "src/engine/engine.ts", true)).toContain("cli/ may import");
  expect(offence("src/base/a.ts", "src/wire/b.ts", false)).toContain("nothing");
});

/** How an entry comes to load `path`: the shortest chain of importers. */
function chainTo(path: string): string {
  const queue: string[][] = [[path]];
  const seen = new Set([path]);
  for (let chain = queue.shift(); chain !== undefined; chain = queue.shift()) {
    const head = chain[0] ?? "";
    if (head.startsWith("src/bin/")) return chain.join(" → ");
    for (const { from } of imports.filter(({ to }) => to === head)) {
      if (seen.has(from)) continue;
      seen.add(from);
      queue.push([from, ...chain]);
    }
  }
  return `${path} alone`;
}

function cycles(edges: Import[]): string[] {
  const graph = new Map<string, string[]>();
  for (const { from, to } of edges) graph.set(from, [...(graph.get(from) ?? []), to]);
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, trail: string[]) => {
    const at = trail.indexOf(path);
    if (at >= 0) found.push([...trail.slice(at), path].join(" → "));
    if (at >= 0 || done.has(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return found;
}
