import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";

const PYTHON = "/usr/bin/python3";
const here = existsSync("/usr/lib/python3/dist-packages/docker/__init__.py");
let daemon: TestDaemon;

beforeAll(async () => {
  if (here) daemon = await startDaemon();
}, 60_000);
afterAll(() => daemon?.[Symbol.asyncDispose](), 60_000);

/** Every check of the script prints one line; the script stops at the first that fails. */
test.skipIf(!here)("python3-docker can do its work with our daemon (python3-docker must be installed)", async () => {
  const { stdout, stderr, code } = await daemon.client([PYTHON, join(import.meta.dir, "python-docker.py")], {
    timeoutMs: 50_000,
  });
  expect(stderr).toBe("");
  expect(stdout.trim().split("\n").at(-1)).toBe("all done");
  expect(code).toBe(0);
});

test.skipIf(!here)("nothing is left when every container is removed", async () => {
  expect(await daemon.leakCheck()).toEqual([]);
});
