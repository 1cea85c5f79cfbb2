import { expect, test } from "bun:test";
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AT_FDCWD, closeFd, O_DIRECTORY, openAt } from "../../src/kernel/files.ts";
import { surveyTree, treeUsage } from "../../src/kernel/survey.ts";
import { makeDeepTree } from "../harness/deep-tree.ts";
import { runProgram } from "../harness/run-program.ts";

function withTree<T>(use: (root: string) => T): T {
  const root = mkdtempSync(join(tmpdir(), "gantry-survey-"));
  try {
    return use(root);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function onTree<T>(root: string, ask: (fd: number) => T): T {
  const fd = openAt(AT_FDCWD, root, O_DIRECTORY);
  try {
    return ask(fd);
  } finally {
    closeFd(fd);
  }
}

function fill(root: string, files: Record<string, number>): void {
  for (const [path, bytes] of Object.entries(files)) {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), Buffer.alloc(bytes));
  }
}

test("each file counts for the longest rule that matches it, with the name that stands for the star", () => {
  withTree((root) => {
    fill(root, {
      "volumes/a/_data/x": 10,
      "volumes/a/_data/deep/y": 1,
      "volumes/a/opts": 5,
      "volumes/b/_data/x": 20,
      "containers/c/c-json.log": 100,
      "containers/c/c-json.log.1": 1000,
      "containers/c/hosts": 3,
      other: 7,
    });
    const rules = ["volumes/*", "volumes/*/_data", "containers/*", "containers/*/*-json.log*"];
    const rows = onTree(root, (fd) => surveyTree(fd, rules));
    const found = rows.filter(({ fileBytes }) => fileBytes > 0);
    expect(found.map(({ rule, key, fileBytes }) => `${rule} ${key} ${fileBytes}`).sort()).toEqual([
      "  7",
      "containers/* c 3",
      "containers/*/*-json.log* c 1100",
      "volumes/* a 5",
      "volumes/*/_data a 11",
      "volumes/*/_data b 20",
    ]);
  });
});

test("the sum is what du counts: links once, directories and symlinks too", async () => {
  const root = mkdtempSync(join(tmpdir(), "gantry-survey-"));
  try {
    fill(root, { "a/one": 4096, "b/two": 17 });
    linkSync(join(root, "a/one"), join(root, "b/again"));
    symlinkSync("nowhere", join(root, "b/link"));
    const total = onTree(root, (fd) => surveyTree(fd, ["a", "b"])).reduce((sum, row) => sum + row.apparentBytes, 0);
    const { stdout } = await runProgram(["du", "-sb", root]);
    expect(total).toBe(Number(stdout.split("\t")[0]));
    expect(onTree(root, treeUsage)).toBe(4096 + 17 + "nowhere".length);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

test("a tree deeper than descriptors and paths can be is counted", async () => {
  const root = mkdtempSync(join(tmpdir(), "gantry-survey-"));
  try {
    makeDeepTree(root, 1500);
    fill(root, { last: 1 });
    expect(onTree(root, treeUsage)).toBe(6);
  } finally {
    expect((await runProgram(["rm", "-rf", root])).code).toBe(0);
  }
});
