import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { WireDiskUsage, WireExplanation } from "../../src/wire/system.ts";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { runProgram } from "../harness/run-program.ts";
import { until } from "../harness/until.ts";

/** What `system df` says against what du counts, of a daemon with images, containers that wrote, volumes and logs. */
let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon();
}, 60_000);
afterAll(() => daemon?.[Symbol.asyncDispose](), 60_000);
afterEach(() => daemon.removeContainers());

const WRITE = "dd if=/dev/zero of=/big bs=1000 count=3 2>/dev/null; echo hello; echo 12345 > /data/file";

async function writer(name: string): Promise<string> {
  const body = { Image: "busybox", Cmd: ["sh", "-c", WRITE], HostConfig: { Binds: [`${name}-data:/data`] } };
  const { Id } = await daemon.call<{ Id: string }>("POST", `/containers/create?name=${name}`, body);
  await daemon.call("POST", `/containers/${name}/start`);
  await daemon.call("POST", `/containers/${name}/wait`);
  return Id;
}

const df = (query = "?verbose=1", version = "1.55") =>
  daemon.call<WireDiskUsage>("GET", `/v${version}/system/df${query}`);

async function du(path: string): Promise<number> {
  const { stdout, stderr, code } = await runProgram(["du", "-sb", path]);
  if (code !== 0) throw new Error(stderr);
  return Number(stdout.split("\t")[0]);
}

test("every byte of data root and exec root is accounted for", async () => {
  await writer("one");
  const partial = join(daemon.dataRoot, `content/ingest/partial-sha256-${"a".repeat(64)}`);
  writeFileSync(partial, "some bytes");
  // Records are written behind: the sum is taken when two counts agree.
  let usage: WireDiskUsage = {};
  await until("du and df agree", async () => {
    const before = (await du(daemon.dataRoot)) + (await du(daemon.execRoot));
    usage = await df();
    return usage.Gantry?.TotalBytes === before;
  });
  const directories = usage.Gantry?.Directories ?? [];
  const bytesOf = (path: string) => directories.find(({ Path }) => Path === join(daemon.dataRoot, path))?.Bytes;
  expect(bytesOf("content/ingest/partial-*")).toBe("some bytes".length);
  expect(bytesOf("content/blobs")).toBe(await du(join(daemon.dataRoot, "content/blobs")));
  expect(bytesOf("snapshots/*")).toBeGreaterThan(1_000_000);
  expect(bytesOf("containers/*/*-json.log*")).toBeGreaterThan(50);
  expect(directories.every(({ Purpose, Bytes }) => Purpose !== "" && Bytes >= 0)).toBe(true);
});

test("containers, volumes and images are told exactly", async () => {
  const id = await writer("two");
  const usage = await df();
  const container = usage.ContainerUsage?.Items?.find(({ Id }) => Id === id);
  // The file of 3000 bytes; the mount point in the layer is a directory.
  expect(container?.SizeRw).toBe(3000);
  const [image] = usage.ImageUsage?.Items ?? [];
  expect(container?.SizeRootFs).toBe(3000 + (image?.Size ?? 0));
  expect(usage.ContainerUsage).toMatchObject({ ActiveCount: 0, TotalCount: 1, Reclaimable: 3000, TotalSize: 3000 });
  const volume = usage.VolumeUsage?.Items?.find(({ Name }) => Name === "two-data");
  expect(volume?.UsageData).toEqual({ Size: 6, RefCount: 1 });
  expect(image).toMatchObject({ SharedSize: 0, Containers: 1 });
  expect(usage.ImageUsage).toMatchObject({ ActiveCount: 1, TotalCount: 1, Reclaimable: 0 });
  const blobs = await du(join(daemon.dataRoot, "content/blobs"));
  expect(usage.ImageUsage?.TotalSize).toBeLessThanOrEqual((image?.Size ?? 0) + blobs);
  expect(usage.LayersSize).toBeUndefined();
});

test("older clients get the older fields, and only the types that they ask for", async () => {
  await writer("three");
  const old = await df("", "1.41");
  expect(Object.keys(old).sort()).toEqual([
    "BuildCache",
    "BuilderSize",
    "Containers",
    "Images",
    "LayersSize",
    "Volumes",
  ]);
  expect(old.LayersSize).toBe(old.Images?.[0]?.Size ?? -1);
  expect(Object.keys(await df("", "1.44"))).not.toContain("BuilderSize");
  const volumes = await df("?type=volume&type=build-cache", "1.44");
  expect([volumes.Images, volumes.Containers, volumes.BuildCache]).toEqual([null, null, []]);
  expect(volumes.Volumes?.map(({ Name }) => Name)).toContain("three-data");
  expect(Object.keys(await df("", "1.55"))).toContain("ImageUsage");
  expect((await daemon.request("/v1.44/system/df?type=nonsense")).status).toBe(400);
});

test("many who ask at once share the walks, and none gets a wrong number while things vanish", async () => {
  const id = await writer("four");
  const churn = Array.from({ length: 5 }, (_, at) =>
    writer(`churn${at}`).then((one) => daemon.call("DELETE", `/containers/${one}`)),
  );
  const answers = await Promise.all(Array.from({ length: 20 }, () => df()));
  await Promise.all(churn);
  for (const { ContainerUsage } of answers)
    expect(ContainerUsage?.Items?.find(({ Id }) => Id === id)?.SizeRw).toBe(3000);
});

test("--why names what keeps a layer, a blob, a volume, a container's file", async () => {
  const id = await writer("five");
  const why = (path: string) =>
    daemon.call<WireExplanation>("GET", `/gantry/system/why?path=${encodeURIComponent(join(daemon.dataRoot, path))}`);
  const layers = readdirSync(join(daemon.dataRoot, "snapshots")).filter((name) => /^\d+$/.test(name));
  const layer = await why(`snapshots/${layers[0]}/fs/bin`);
  expect(layer.Object.Kind).toBe("layer");
  expect(layer.KeptBy.map(({ Kind, Names }) => `${Kind} ${Names.join()}`)).toEqual([
    "image busybox:latest",
    "container five",
  ]);
  const [blob] = readdirSync(join(daemon.dataRoot, "content/blobs/sha256"));
  expect((await why(`content/blobs/sha256/${blob}`)).KeptBy.map(({ Names }) => Names)).toEqual([["busybox:latest"]]);
  expect((await why("volumes/five-data/_data/file")).KeptBy.map(({ Kind }) => Kind)).toEqual(["record", "container"]);
  expect((await why(`containers/${id}/hosts`)).Object).toEqual({ Kind: "container", Id: id });
  expect(existsSync("/etc/passwd")).toBe(true);
  expect((await daemon.request("/gantry/system/why?path=/etc/passwd")).status).toBe(404);
  expect((await daemon.request(`/gantry/system/why?path=${daemon.dataRoot}/../x`)).status).toBe(404);
  const { stdout } = await daemon.gantry(["system", "df", "--why", join(daemon.dataRoot, "volumes/five-data")]);
  expect(stdout).toContain("container");
});

test("nothing is left when every container is removed", async () => {
  expect(await daemon.leakCheck()).toEqual([]);
});
