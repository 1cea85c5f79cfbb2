import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { type BuildCase, writeContext } from "./build-case.ts";
import { CONFIG_CASES } from "./config-cases.ts";
import { COPY_CASES } from "./copy-cases.ts";
import { describeImage, treeInDaemon } from "./described-image.ts";
import { gantryEngine } from "./engines.ts";
import { RUN_CASES } from "./run-cases.ts";

/** What our builder makes of every Dockerfile of the corpus. `UPDATE_GOLDEN=1` writes the files anew: read them before you commit. */
const GOLDEN = join(import.meta.dir, "testdata");
const isUpdating = process.env["UPDATE_GOLDEN"] === "1";

let daemon: TestDaemon;
let base: string[];
let contexts: string;

beforeAll(async () => {
  contexts = mkdtempSync(join(tmpdir(), "gantry-corpus-"));
  daemon = await startDaemon();
  base = await treeInDaemon(daemon, "busybox");
  mkdirSync(GOLDEN, { recursive: true });
}, 60_000);

afterAll(async () => {
  rmSync(contexts, { recursive: true, force: true });
  expect(await daemon?.leakCheck()).toEqual([]);
  await daemon?.[Symbol.asyncDispose]();
}, 60_000);

describe.each([
  ["config", CONFIG_CASES],
  ["copies", COPY_CASES],
  ["runs and stages", RUN_CASES],
])("%s", (_, cases) => {
  test.each(cases.map((one): [string, BuildCase] => [one.name, one]))("%s", async (name, wanted) => {
    const context = join(contexts, name);
    mkdirSync(context);
    writeContext(context, wanted);
    const engine = gantryEngine(daemon);
    const tag = `corpus-${name}:latest`;
    const { code, stderr } = await engine.build(wanted, context, tag);
    expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
    const described = await describeImage(daemon, await engine.save(tag), tag, base);
    const path = join(GOLDEN, `${name}.json`);
    if (isUpdating) writeFileSync(path, `${JSON.stringify(described, null, 2)}\n`);
    expect(existsSync(path)).toBe(true);
    expect(described as unknown).toEqual(JSON.parse(readFileSync(path, "utf8")));
  });
});

test("the same input gives the same image, in every byte, when the time is said", async () => {
  const wanted = COPY_CASES.find(({ name }) => name === "copy-over-existing") as BuildCase;
  const ids: string[] = [];
  for (const round of [1, 2]) {
    const context = join(contexts, `reproducible-${round}`);
    mkdirSync(context);
    writeContext(context, { ...wanted, flags: [] });
    const iid = join(contexts, `iid-${round}`);
    const flags = ["--no-cache", "--build-arg", "SOURCE_DATE_EPOCH=1600000001", "--iidfile", iid];
    const { code, stderr } = await daemon.gantry(["build", ...flags, context]);
    expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
    ids.push(readFileSync(iid, "utf8"));
  }
  expect(ids[0]).toMatch(/^sha256:/);
  expect(ids[1]).toBe(ids[0] as string);
});
