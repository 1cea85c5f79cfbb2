import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { WireCheckReport } from "../../src/wire/system.ts";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { until } from "../harness/until.ts";
import { dockerArchive } from "../images/fixture.ts";
import { layer } from "./store.ts";

/** A store is damaged by hand, as a bad disk or a careless administrator would, under a daemon that runs. */
let daemon: TestDaemon;
beforeEach(async () => {
  daemon = await startDaemon();
}, 60_000);
afterEach(() => daemon?.[Symbol.asyncDispose](), 60_000);

async function check(args: string[] = []): Promise<{ code: number; report: WireCheckReport }> {
  const { stdout, stderr, code } = await daemon.gantry(["system", "check", "--format", "json", ...args]);
  if (stdout === "") throw new Error(stderr);
  return { code, report: JSON.parse(stdout) as WireCheckReport };
}

const shown = ({ report, code }: { report: WireCheckReport; code: number }) => [
  code,
  ...report.Problems.map(({ Kind, Object: object, Fault }) => `${Kind} ${object} ${Fault}`),
];
const inData = (path: string) => join(daemon.dataRoot, path);
const runs = () => daemon.gantry(["run", "--rm", "busybox", "echo", "runs"]);

interface Inspected {
  Id: string;
  RootFS: { Layers: string[] };
}
const image = () => daemon.call<Inspected>("GET", "/images/busybox/json");
/** The blob of its only layer: the largest. */
function layerBlob(): string {
  const directory = inData("content/blobs/sha256");
  const names = readdirSync(directory).toSorted(
    (a, b) => statSync(join(directory, b)).size - statSync(join(directory, a)).size,
  );
  return join(directory, names[0] ?? "");
}

test("a sound store is told so, while containers come and go and images are loaded and removed", async () => {
  const archive = join(daemon.directory, "other.tar");
  writeFileSync(archive, dockerArchive([layer("a"), layer("b")], ["other:1"]));
  const images = async () => {
    for (let round = 0; round < 5; round++) {
      await daemon.load(archive);
      await daemon.call("DELETE", "/images/other:1");
    }
  };
  const churn = Promise.all([images(), ...Array.from({ length: 4 }, runs)]);
  const checks = await Promise.all([check(), check(), check()]);
  await churn;
  for (const one of checks) expect(shown(one)).toEqual([0]);
  expect((await check()).report).toMatchObject({ Blobs: 3, Images: 1, Layers: 1 });
  const { stdout } = await daemon.gantry(["system", "check"]);
  expect(stdout).toMatch(/^Checked 1 image, 1 layer, 3 blobs of [\d.]+MB: all is well\n$/);
  expect(await daemon.leakCheck()).toEqual([]);
});

test("a blob whose bytes changed is found, and taken away, so that it is loaded again", async () => {
  const blob = layerBlob();
  const bytes = readFileSync(blob);
  bytes[5000] = (bytes[5000] ?? 0) ^ 1;
  chmodSync(blob, 0o600);
  writeFileSync(blob, bytes);
  const digest = `sha256:${blob.split("/").at(-1)}`;
  const found = await check();
  const [code, problem, ...others] = shown(found);
  expect([code, others]).toEqual([1, []]);
  expect(problem).toStartWith(`damaged blob ${digest} has other bytes: they are sha256:`);
  const repaired = await check(["--repair"]);
  expect(repaired.report.Problems[0]).toMatchObject({
    Repaired: false,
    Remedy: "taken away: pull or load its image again",
  });
  expect(shown(await check())[1]).toBe(`damaged image ${(await image()).Id} its blob ${digest} is missing`);
  expect((await runs()).stdout).toBe("runs\n");
  const { busyboxImage } = await import("../fixtures/busybox-image.ts");
  await daemon.load(await busyboxImage());
  expect(shown(await check())).toEqual([0]);
});

test("a layer that is gone is unpacked again from its blob, also below a container", async () => {
  const container = await daemon.call<{ Id: string }>("POST", "/containers/create?name=above", {
    Image: "busybox",
    Cmd: ["echo", "up"],
  });
  const [chainId = ""] = (await image()).RootFS.Layers;
  const [number = ""] = readdirSync(inData("snapshots")).filter((name) => /^\d+$/.test(name));
  rmSync(inData(`snapshots/${number}`), { recursive: true });
  const found = await check();
  expect(shown(found)).toEqual([1, `damaged layer ${chainId} has lost its directory`]);
  const repaired = await check(["--repair"]);
  expect([repaired.code, repaired.report.Problems[0]?.Remedy]).toEqual([0, "unpacked again from its blob"]);
  expect(shown(await check())).toEqual([0]);
  await daemon.call("POST", `/containers/${container.Id}/start`);
  expect(await daemon.call<object>("POST", `/containers/${container.Id}/wait`)).toMatchObject({ StatusCode: 0 });
});

test("what belongs to nothing is found and removed; partial downloads and what is in use stay", async () => {
  const hex = "b".repeat(64);
  const strays = [
    `content/blobs/sha256/${hex}`,
    "content/blobs/sha256/nonsense",
    "content/ingest/777",
    "snapshots/991",
    "snapshots/staged-992",
    "snapshots/active/nobody",
    "containers/nobody",
    "volumes/nobody",
  ];
  for (const path of strays) {
    if (path.startsWith("content")) writeFileSync(inData(path), "x");
    else mkdirSync(inData(path));
  }
  writeFileSync(inData(`content/ingest/partial-sha256-${hex}`), "half");
  await daemon.call("POST", "/volumes/create", { Name: "kept" });
  const found = await check();
  expect(found.code).toBe(1);
  expect(found.report.Problems.map(({ Object: object }) => object).sort()).toEqual(strays.map(inData).sort());
  const repaired = await check(["--repair"]);
  expect([repaired.code, repaired.report.Problems.every(({ Repaired }) => Repaired)]).toEqual([0, true]);
  expect(shown(await check())).toEqual([0]);
  expect(readFileSync(inData(`content/ingest/partial-sha256-${hex}`), "utf8")).toBe("half");
  expect((await runs()).stdout).toBe("runs\n");
});

test("an image without its config cannot be used: its record goes with --repair", async () => {
  const { Id } = await image();
  await daemon.stop();
  rmSync(inData(`content/blobs/sha256/${Id.slice("sha256:".length)}`));
  await daemon.start();
  const found = await check();
  expect(shown(found)).toEqual([1, `damaged image ${Id} its blob ${Id} is missing`]);
  expect(readdirSync(inData("snapshots")).filter((name) => /^\d+$/.test(name))).toHaveLength(1);
  const repaired = await check(["--repair"]);
  expect(repaired.report.Problems[0]).toMatchObject({
    Repaired: true,
    Remedy: "its record was removed: pull or load it again",
  });
  expect(shown(await check())).toEqual([0]);
  await until("its layer is gone", () => readdirSync(inData("snapshots/trash")).length === 0);
  expect(readdirSync(inData("snapshots")).filter((name) => /^\d+$/.test(name))).toEqual([]);
});
