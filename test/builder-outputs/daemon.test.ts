import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { inProcess } from "../registry-server/in-process.ts";
import type { WrittenStatement } from "./workshop.ts";

let daemon: TestDaemon;
let directory: string;

beforeAll(async () => {
  daemon = await startDaemon();
  directory = mkdtempSync(join(tmpdir(), "gantry-outputs-"));
  mkdirSync(join(directory, "context"));
  writeFileSync(join(directory, "context/hello"), "hello\n");
  writeFileSync(
    join(directory, "context/Dockerfile"),
    "FROM busybox AS made\nRUN echo made > /made\nFROM scratch\nCOPY hello /app/hello\nCOPY --from=made /made /app/made\nLABEL a=b\n",
  );
});

afterAll(async () => {
  expect(await daemon.leakCheck()).toEqual([]);
  await daemon[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

/** `gantry build … context`; its standard error, and whether it ended well. */
async function build(...flags: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return daemon.gantry(["build", "--progress=plain", ...flags, "context"], { cwd: directory });
}

async function built(...flags: string[]): Promise<string> {
  const { code, stdout, stderr } = await build(...flags);
  if (code !== 0) throw new Error(stderr);
  return stdout + stderr;
}

test("files of a build go into a directory of the user, and an archive", async () => {
  await built("-o", "out", "-o", "type=tar,dest=out.tar");
  expect(readdirSync(join(directory, "out/app")).sort((a, b) => a.localeCompare(b))).toEqual(["hello", "made"]);
  expect(readFileSync(join(directory, "out/app/made"), "utf8")).toBe("made\n");
  expect(readFileSync(join(directory, "out.tar")).includes("app/hello")).toBe(true);
});

test("what docker load takes is loaded again under its name", async () => {
  await built("-t", "archived:1", "-o", "type=docker,dest=image.tar");
  expect((await daemon.gantry(["image", "inspect", "archived:1"])).code).not.toBe(0);
  expect((await daemon.gantry(["load", "-i", join(directory, "image.tar")])).stdout).toContain(
    "Loaded image: archived:1",
  );
});

test("an image is pushed with its attestations, and its name is written into files that scripts read", async () => {
  await using registry = await inProcess();
  const name = `${new URL(registry.url).host}/app:1`;
  await built(
    "-t",
    name,
    "--push",
    "--provenance=mode=max",
    "--sbom=true",
    "--iidfile=id",
    "--metadata-file=metadata.json",
  );
  const manifest = await registry.fetch("/v2/app/manifests/1");
  const digest = manifest.headers.get("docker-content-digest") as string;
  expect(((await manifest.json()) as { manifests: unknown[] }).manifests).toHaveLength(2);
  const metadata = JSON.parse(readFileSync(join(directory, "metadata.json"), "utf8")) as Record<string, unknown>;
  expect(metadata["containerimage.digest"]).toBe(digest);
  expect((await daemon.gantry(["image", "inspect", "-f", "{{.Id}}", name])).stdout.trim()).toBe(
    readFileSync(join(directory, "id"), "utf8").trim(),
  );
});

test("provenance is of the version that is asked for", async () => {
  await built("-o", "said", "--provenance=mode=max,version=v1,builder-id=https://ci.test");
  const statement = JSON.parse(readFileSync(join(directory, "said/provenance.json"), "utf8")) as WrittenStatement;
  expect(statement.predicateType).toBe("https://slsa.dev/provenance/v1");
  expect(statement.predicate.runDetails.builder.id).toBe("https://ci.test");
  const { code, stderr } = await build("--provenance=mode=max,version=v9");
  expect([code !== 0, stderr.includes("v9")]).toEqual([true, true]);
});

test("a cache in a directory, and one in a registry, bring back what was pruned", async () => {
  await using registry = await inProcess();
  const ref = `${new URL(registry.url).host}/cache:app`;
  await built("--cache-to", "type=local,dest=cache,mode=max", "--cache-to", `type=registry,ref=${ref},mode=max`);
  expect(existsSync(join(directory, "cache/index.json"))).toBe(true);
  for (const from of ["type=local,src=cache", `type=registry,ref=${ref}`]) {
    expect((await daemon.gantry(["builder", "prune", "-af"])).code).toBe(0);
    const text = await built("--cache-from", from, "-o", "again");
    expect(text).toMatch(/RUN echo made > \/made\n(.*\n)*?#\d+ CACHED/);
    expect(readFileSync(join(directory, "again/app/made"), "utf8")).toBe("made\n");
    rmSync(join(directory, "again"), { recursive: true });
  }
});

test("what is wrong with a name is said before anything is built", async () => {
  const { code, stderr } = await build("-t", "Ubuntu", "--no-cache");
  expect(code).not.toBe(0);
  expect(stderr).toContain("invalid reference format: repository name (library/Ubuntu) must be lowercase");
  expect(stderr).not.toContain("RUN echo made");
});
