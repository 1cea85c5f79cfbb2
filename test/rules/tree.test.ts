import { expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { filesBelow, importsOf, ROOT, readSource } from "./source-tree.ts";

/** Files of `src/` that only tests load, each with its reason. */
const TEST_ONLY: Record<string, string> = {
  "src/networks/fake-host-network.ts": "the recording fake of the host's network",
};

const sources = filesBelow("src", ".ts").filter((path) => !path.endsWith(".test.ts"));

test("every file of src/ is reached from a program", () => {
  const entries = [
    ...sources.filter((path) => path.startsWith("src/bin/")),
    ...filesBelow("scripts", ".ts"),
    ...filesBelow("bench", ".ts"),
    // Given to the registry server as its `loadPage`; this line goes when a program does so.
    "src/registry/page/load-page.ts",
  ];
  const reached = new Set(entries);
  for (const path of reached) for (const { to } of importsOf(path)) if (existsSync(join(ROOT, to))) reached.add(to);
  expect(sources.filter((path) => !reached.has(path) && !(path in TEST_ONLY))).toEqual([]);
});

test("every relative import names a file that exists", () => {
  const broken = sources
    .flatMap((path) => importsOf(path))
    .filter(({ to }) => !existsSync(join(ROOT, to)))
    .map(({ from, to }) => `${from} → ${to}`);
  expect(broken).toEqual([]);
});

test("file names are kebab-case", () => {
  const odd = sources.filter((path) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)*\.ts$/.test(path.split("/").at(-1) ?? ""));
  expect(odd).toEqual([]);
});

test("DEPENDENCIES.md gives the reason of every dependency", () => {
  const manifest = JSON.parse(readSource("package.json")) as Record<string, Record<string, string> | undefined>;
  const names = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
  const text = readSource("DEPENDENCIES.md");
  expect(names.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
});

test("ARCHITECTURE.md stays a map", () => {
  expect(readSource("ARCHITECTURE.md").split("\n").length).toBeLessThanOrEqual(300);
});

test("no committed file names this machine or a package registry", () => {
  const forbidden = [
    String.raw`\/work\/(main|shared)`,
    String.raw`\/tmp\/briefs`,
    String.raw`"resolved": "http`,
    "registry[.]npmjs",
    "deb[.]debian[.]org",
  ];
  const pattern = new RegExp(forbidden.join("|"));
  const own = "test/rules/tree.test.ts";
  expect(committedFiles().filter((path) => path !== own && pattern.test(readSource(path)))).toEqual([]);
});

function committedFiles(): string[] {
  const listed = execFileSync("git", ["ls-files", "-z"], { cwd: ROOT, encoding: "utf8" }).split("\0");
  return listed.filter((path) => path !== "" && existsSync(join(ROOT, path)));
}
