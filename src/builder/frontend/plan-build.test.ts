import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FAKE_REQUEST, type FakeFrontend, fakeFrontendDeps, formatPlan } from "../../../test/harness/fake-frontend.ts";
import { planBuild } from "./plan-build.ts";

const TESTDATA = join(import.meta.dir, "testdata");

/** Every case is a directory: a Dockerfile, what the build was asked for, and the plan. `UPDATE_GOLDEN=1` writes the plan. */
for (const name of readdirSync(TESTDATA).sort()) {
  test(`the plan of ${name} is the one that was reviewed`, async () => {
    const read = (file: string) => readFileSync(join(TESTDATA, name, file), "utf8");
    const given = existsSync(join(TESTDATA, name, "request.json"))
      ? (JSON.parse(read("request.json")) as FakeFrontend)
      : {};
    const { Dockerfile: text, ...more } = { Dockerfile: read("Dockerfile"), ...given.files?.context };
    const files = { ...given.files, context: { ...more, Dockerfile: text } };
    const plan = await planBuild({ ...FAKE_REQUEST, ...given.request }, fakeFrontendDeps({ ...given, files }));
    const golden = join(TESTDATA, name, "plan.txt");
    if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(golden, formatPlan(plan));
    expect(formatPlan(plan)).toBe(read("plan.txt"));
  });
}
