import { expect, test } from "bun:test";
import type { WireVertex } from "../../../wire/build-messages.ts";
import { graphSvg } from "./graph-svg.ts";
import { layoutGraph } from "./layout.ts";

function vertex(id: string, inputs: string[], more: Partial<WireVertex> = {}): WireVertex {
  return {
    Digest: id,
    Inputs: inputs,
    Name: `step ${id}`,
    StartedAt: 0,
    CompletedAt: 10,
    Cached: false,
    Error: "",
    Stage: "",
    Step: "",
    ...more,
  };
}

const BUILD = [
  vertex("export", ["f2"], { Stage: "" }),
  vertex("b1", [], { Stage: "build", Cached: true }),
  vertex("b2", ["b1", "ctx"], { Stage: "build", CompletedAt: 5000 }),
  vertex("ctx", [], { Name: "[internal] load build context" }),
  vertex("f1", [], { Stage: "final" }),
  vertex("f2", ["f1", "b2", "b2", "unknown"], {
    Stage: "final",
    Name: 'RUN echo "<a> & \u0007"',
    Error: "exit code: 1",
  }),
];

test("every step stands below what it uses, in its stage's column, and alone", () => {
  const { columns, placed, edges, rows } = layoutGraph(BUILD);
  expect(columns).toEqual(["", "build", "final"]);
  expect(new Set(placed.map(({ column, row }) => `${column} ${row}`)).size).toBe(BUILD.length);
  expect(placed.map(({ vertex: { Digest } }) => Digest)).toEqual(BUILD.map(({ Digest }) => Digest));
  for (const { from, to } of edges) expect(placed[from]?.row).toBeLessThan(placed[to]?.row ?? -1);
  expect(edges.length).toBe(5);
  expect(Math.max(...placed.map(({ row }) => row))).toBe(rows - 1);
});

test("a circle, and ten thousand steps in a chain, are laid out all the same", () => {
  expect(layoutGraph([vertex("a", ["b"]), vertex("b", ["a"])]).placed.length).toBe(2);
  const chain = Array.from({ length: 10_000 }, (_, index) =>
    vertex(String(index), index === 0 ? [] : [String(index - 1)]),
  );
  expect(layoutGraph(chain.toReversed()).rows).toBe(10_000);
});

/** Every element is closed, every entity is one; returns the names of the elements. */
function elementsOf(xml: string): string[] {
  const open: string[] = [];
  const names: string[] = [];
  for (const [, closing, name = "", , single, text] of xml.matchAll(
    /<(\/?)([a-z]+)((?:\s+[A-Za-z:]+="[^"<]*")*)\s*(\/?)>|([^<]+)/g,
  )) {
    if (text !== undefined) expect(text).not.toMatch(/&(?!#\d+;)/);
    else if (closing === "/") expect(open.pop()).toBe(name);
    else {
      names.push(name);
      if (single === "") open.push(name);
    }
  }
  expect(open).toEqual([]);
  expect(xml.replace(/<(\/?)([a-z]+)((?:\s+[A-Za-z:]+="[^"<]*")*)\s*(\/?)>|([^<]+)/g, "")).toBe("");
  return names;
}

test("the picture is well-formed XML that needs nothing else, with a box for each step and a line for each use", () => {
  const svg = graphSvg(BUILD, { title: "Build of <app>", nowMs: 6000 });
  const names = elementsOf(svg);
  expect(names[0]).toBe("svg");
  expect(names.filter((name) => name === "g").length).toBe(BUILD.length);
  expect(svg.match(/class="edge"/g)?.length).toBe(5);
  expect(svg).toContain("RUN echo &#34;&#60;a&#62; &#38; ·&#34;");
  expect(svg).toContain("6 steps, 1 cached, 5.00 s");
  expect(svg).toContain("failed, 10 ms");
  expect(svg).not.toMatch(/https?:\/\/(?!www\.w3\.org\/2000\/svg")/);
  expect(svg).not.toMatch(/(?![\n\t])\p{Cc}/u);
});

test("steps that have not begun or not ended are drawn, too", () => {
  const svg = graphSvg(
    [vertex("a", [], { StartedAt: null, CompletedAt: null }), vertex("b", ["a"], { CompletedAt: null })],
    { title: "", nowMs: 2500 },
  );
  elementsOf(svg);
  expect(svg).toContain("not begun");
  expect(svg).toContain("2.50 s");
});
