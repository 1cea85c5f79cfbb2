import { expect, test } from "bun:test";
import { resolve } from "node:path";
import { runProgram } from "../harness/run-program.ts";

const ROOT = resolve(import.meta.dir, "../..");

test("the quick start runs to its end as a newcomer would type it", async () => {
  const { code, stdout, stderr } = await runProgram([`${ROOT}/scripts/quickstart`], { timeoutMs: 50_000 });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toContain("Hello world");
  expect(stdout).toContain("<h1>Hello from a Gantry container</h1>");
  expect(stdout).toContain("everything is removed again");
});
