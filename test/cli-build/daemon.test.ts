import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { GANTRY, startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { runProgram } from "../harness/run-program.ts";
import { playOnScreen } from "../harness/screen.ts";
import { startInTerminal } from "../harness/terminal.ts";
import { until } from "../harness/until.ts";

const isRoot = process.getuid?.() === 0;
const rootTest = test.skipIf(!isRoot);

let daemon: TestDaemon;
let directory: string;

beforeAll(async () => {
  if (!isRoot) return;
  directory = mkdtempSync(`${tmpdir()}/gantry-cli-build-`);
  daemon = await startDaemon();
});

afterAll(async () => {
  if (!isRoot) return;
  const leaks = await daemon.leakCheck();
  await daemon[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
  expect(leaks).toEqual([]);
});

/** A context of its own with these files. */
function context(name: string, files: Record<string, string>): string {
  for (const [path, content] of Object.entries(files)) {
    const full = `${directory}/${name}/${path}`;
    mkdirSync(full.slice(0, full.lastIndexOf("/")), { recursive: true });
    writeFileSync(full, content);
  }
  return `${directory}/${name}`;
}

rootTest("a context in an OCI layout: by its tag, or the digest of its manifest", async () => {
  const base = context("layout-base", { Dockerfile: "FROM busybox\nRUN echo of the layout > /here\n" });
  const archive = `${directory}/layout.tar`;
  await daemon.gantry(["build", "-o", `type=oci,dest=${archive},name=docker.io/library/x:v1`, base]);
  mkdirSync(`${directory}/layout`);
  await runProgram(["tar", "-xf", archive, "-C", `${directory}/layout`]);
  await daemon.call("POST", "/build/prune?all=1");
  const path = context("on-layout", { Dockerfile: "FROM base\nRUN cat /here\n" });
  const build = (layout: string) =>
    daemon.gantry(["build", "--progress=plain", "--build-context", `base=oci-layout://${layout}`, path]);
  const { manifests } = JSON.parse(readFileSync(`${directory}/layout/index.json`, "utf8"));
  const tag = manifests[0].annotations["org.opencontainers.image.ref.name"] as string;
  const byTag = await build(`${directory}/layout:${tag}`);
  expect([byTag.code, byTag.stderr]).toEqual([0, expect.stringContaining("of the layout")]);
  expect((await build(`${directory}/layout@${manifests[0].digest}`)).code).toBe(0);
  const missing = await build(`${directory}/layout:none`);
  expect(missing.stderr).toContain("build context base: there is no image none in the OCI layout");
});

rootTest("bake: one target stands on another one of the file", async () => {
  const path = context("bake", {
    Dockerfile: "FROM busybox AS lib\nRUN echo of lib > /lib\nFROM lib AS app\nCOPY --from=lib /lib /copied\n",
  });
  const target = { context: path, target: "app", contexts: { lib: "target:lib" }, tags: ["baked"] };
  const lib = { context: path, target: "lib", output: ["type=cacheonly"] };
  writeFileSync(`${path}/bake.json`, JSON.stringify({ target: { app: target, lib } }));
  const { code, stderr } = await daemon.gantry(["buildx", "bake", "-f", `${path}/bake.json`, "app"]);
  expect([code, stderr.includes("bake: lib\n")]).toEqual([0, true]);
  const said = await daemon.gantry(["run", "--rm", "baked", "cat", "/copied"]);
  expect(said.stdout).toBe("of lib\n");
});

rootTest("what is built runs; built again it comes from the cache and is the same image", async () => {
  const path = context("app", {
    Dockerfile:
      'FROM busybox AS build\nCOPY . /src\nRUN cat /src/data > /out\nFROM busybox\nCOPY --from=build /out /out\nCMD ["cat", "/out"]\n',
    data: "built\n",
    ignored: "",
    ".dockerignore": "ignored\n",
  });
  const first = await daemon.gantry(["build", "-t", "app", path]);
  expect([first.code, first.stdout]).toEqual([0, ""]);
  expect(first.stderr).toContain("RUN cat /src/data > /out\n");
  expect(first.stderr).toContain("naming to docker.io/library/app:latest done\n");
  expect((await daemon.gantry(["run", "--rm", "app"])).stdout).toBe("built\n");
  const quiet = ["build", "-q", "-t", "app", path];
  const [one, two] = [await daemon.gantry(quiet), await daemon.gantry(quiet)];
  expect(one.stdout).toMatch(/^sha256:[0-9a-f]{64}\n$/);
  expect(two.stdout).toBe(one.stdout);
  const again = await daemon.gantry(["build", "-t", "app", path]);
  expect(again.stderr.match(/ CACHED\n/g)?.length).toBeGreaterThanOrEqual(3);
  const files = await daemon.gantry(["build", "-q", "-o", `${directory}/out`, "--target", "build", path]);
  expect([files.code, files.stderr]).toEqual([0, ""]);
  expect(readFileSync(`${directory}/out/out`, "utf8")).toBe("built\n");
  expect(() => readFileSync(`${directory}/out/src/ignored`)).toThrow();
});

rootTest("a step that fails shows its output and its line; the code is 1, and the history knows", async () => {
  const path = context("bad", { Dockerfile: "FROM busybox\nRUN echo so far; exit 7\n" });
  const { code, stderr } = await daemon.gantry(["build", path]);
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /------\n > \[2\/2\] RUN echo so far; exit 7:\n0\.\d{3} so far\n------\nDockerfile:2\n-{20}\n/,
  );
  expect(stderr).toContain("   2 | >>> RUN echo so far; exit 7\n");
  expect(stderr).toMatch(/ERROR: failed to build: failed to solve: .*exit code: 7\n$/);
  const { stdout } = await daemon.gantry(["builder", "history", "inspect"]);
  expect(stdout).toContain("Name:           bad\n");
  expect(stdout).toContain("Status:         error\n");
  expect((await daemon.gantry(["builder", "history", "logs"])).stdout).toContain("so far\n");
});

rootTest("a secret reaches its step and nothing else", async () => {
  const path = context("secret", {
    Dockerfile: "FROM busybox\nRUN --mount=type=secret,id=s cp /run/secrets/s /copy && wc -c < /copy && rm /copy\n",
  });
  writeFileSync(`${directory}/secret-value`, "hunter2hunter2");
  const { code, stderr } = await daemon.gantry([
    "build",
    "-t",
    "secret",
    "--secret",
    `id=s,src=${directory}/secret-value`,
    path,
  ]);
  expect([code, stderr]).toEqual([0, expect.stringMatching(/ 14\n/)]);
  expect(stderr).not.toContain("hunter2");
  expect((await daemon.gantry(["history", "--no-trunc", "secret"])).stdout).not.toContain("hunter2");
});

rootTest("on a terminal it is drawn, and ^C ends the build at the daemon", async () => {
  const path = context("slow", { Dockerfile: "FROM busybox\nRUN echo waiting; sleep 60\n" });
  const terminal = startInTerminal([...GANTRY, "build", path], { env: { DOCKER_HOST: daemon.host } });
  try {
    await terminal.expect("=> # waiting");
    terminal.type("\x03");
    expect(await terminal.exited).toBe(130);
    const { lines, cursorVisible } = playOnScreen(terminal.screen, 80, 24);
    expect(cursorVisible).toBe(true);
    expect(lines.some((line) => line.startsWith(" => [2/2] RUN echo waiting"))).toBe(true);
    expect(lines.join("\n")).toContain("ERROR: the build was canceled");
  } finally {
    terminal.close();
  }
  const status = async () => (await daemon.gantry(["builder", "history", "inspect"])).stdout;
  await until("the history says so", async () => (await status()).includes("Status:         canceled\n") || undefined);
});

rootTest("du and prune", async () => {
  expect((await daemon.gantry(["builder", "du"])).stdout).toMatch(/^ID .*\n[^]*Total:\t\t[\d.]+[kM]?B\n$/);
  const pruned = await daemon.gantry(["builder", "prune", "-a", "-f"]);
  expect(pruned.stdout).toMatch(/^Deleted build cache objects:\n[^]*Total reclaimed space: [\d.]+[kM]?B\n$/);
  expect((await daemon.gantry(["builder", "du"])).stdout).toContain("Private:\t0B\n");
});
