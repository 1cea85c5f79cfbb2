import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { digestOf } from "../../src/formats/oci/digest.ts";
import { MEDIA_TYPES } from "../../src/formats/oci/media-types.ts";
import { LATEST_S, oddLayersImage } from "../fixtures/odd-layers-image.ts";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { type PeerRegistry, startDockerRegistry, whyNoDockerRegistry } from "../harness/docker-registry.ts";
import { type Dockerd, startDockerd, whyNoDockerd } from "../harness/dockerd.ts";
import { ARCHITECTURE, startFakeRegistry } from "../harness/fake-registry.ts";
import { runProgram } from "../harness/run-program.ts";
import { layer } from "../transfers/puller.ts";
import { treeOf } from "./tree-of.ts";

/** Images that go from one engine to the other through a registry: they keep their digests bit for bit, their files, and they run. */
let dockerd: Dockerd;
let daemon: TestDaemon;
let registry: PeerRegistry;

async function setUp(): Promise<void> {
  registry = await startDockerRegistry();
  daemon = await startDaemon();
  dockerd = await startDockerd({ name: "dockertest0" });
}

async function tearDown(): Promise<void> {
  expect(await daemon?.leakCheck()).toEqual([]);
  await dockerd?.[Symbol.asyncDispose]();
  await daemon?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
}

const why = whyNoDockerd() ?? whyNoDockerRegistry();
const hasSkopeo = existsSync("/usr/bin/skopeo");

type Engine = (...args: string[]) => Promise<string>;

/** Output of a command that must work. */
async function docker(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await dockerd.docker(args);
  if (code !== 0) throw new Error(`docker ${args.join(" ")}: ${stderr}`);
  return stdout.trim();
}

async function gantry(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await daemon.gantry(args);
  if (code !== 0) throw new Error(`gantry ${args.join(" ")}: ${stderr}`);
  return stdout.trim();
}

const skopeo = async (...args: string[]) => {
  const { code, stdout, stderr } = await runProgram(["/usr/bin/skopeo", ...args], { timeoutMs: 60_000 });
  if (code !== 0) throw new Error(`skopeo ${args.join(" ")}: ${stderr}`);
  return stdout;
};

const digestIn = (output: string) => /(?:digest|Digest): (sha256:[0-9a-f]{64})/.exec(output)?.[1] ?? output;
const idOf = (engine: Engine, name: string) => engine("inspect", "-f", "{{.Id}} {{json .RootFS.Layers}}", name);

/** Bytes of a manifest as the registry has it. */
async function manifestOf(name: string, tag: string): Promise<string> {
  const accept = Object.values(MEDIA_TYPES).join(", ");
  const response = await fetch(`http://${registry.host}/v2/${name}/manifests/${tag}`, { headers: { Accept: accept } });
  return response.text();
}

async function exported(engine: "docker" | "gantry", name: string): Promise<string[]> {
  const run: Engine = engine === "docker" ? docker : gantry;
  const id = await run("create", name);
  const path = `/containers/${id}/export`;
  const response =
    engine === "docker" ? await fetch(`http://localhost${path}`, { unix: dockerd.socket }) : await daemon.request(path);
  const archive = new Uint8Array(await response.arrayBuffer());
  await run("rm", id);
  return treeOf(archive, { directory: "odd", latest: LATEST_S });
}

const CAPABILITY = " security.capability=0100000200040000000000000000000000000000";

/** What is true of an image wherever it is. */
async function expectSameImage(name: string): Promise<void> {
  expect(await idOf(gantry, name)).toBe(await idOf(docker, name));
  const [theirs, ours] = [await exported("docker", name), await exported("gantry", name)];
  // Debian's dockerd 20.10 loses the capabilities of files while it unpacks; here they must be.
  expect(ours.filter((line) => line.includes(CAPABILITY))).toHaveLength(2);
  expect(ours.map((line) => line.replace(CAPABILITY, ""))).toEqual(theirs.map((line) => line.replace(CAPABILITY, "")));
  expect(theirs.length).toBeGreaterThan(20);
  for (const engine of [docker, gantry]) {
    expect(
      await engine("run", "--rm", "--network=none", name, "sh", "-c", "cat /odd/replaced /odd/new/implied/deep/file"),
    ).toBe("afterodd/new/implied/deep/file");
  }
}

function exchange(): void {
  beforeAll(setUp, 90_000);
  afterAll(tearDown, 60_000);

  test("what Docker pushes, Gantry pulls: the same ID, digest and files, and it runs", async () => {
    const name = `${registry.host}/from-docker/odd:1`;
    await docker("load", "-q", "-i", await oddLayersImage());
    await docker("tag", "odd:1", name);
    const digest = digestIn(await docker("push", name));
    expect(digestIn(await gantry("pull", name))).toBe(digest);
    expect(await gantry("inspect", "-f", "{{json .RepoDigests}}", name)).toContain(`@${digest}"`);
    await expectSameImage(name);

    // And on to another repository: not a byte of the manifest is another one.
    const again = `${registry.host}/from-gantry/same:1`;
    await gantry("tag", name, again);
    expect(digestIn(await gantry("push", again))).toBe(digest);
    expect(await manifestOf("from-gantry/same", "1")).toBe(await manifestOf("from-docker/odd", "1"));
    await docker("rmi", "-f", name, "odd:1");
    expect(digestIn(await docker("pull", again))).toBe(digest);
    await docker("rmi", "-f", again);
    await gantry("rmi", "-f", name, again);
  }, 120_000);

  test("what Gantry pushes, Docker pulls: the same ID, digest and files, and it runs", async () => {
    const name = `${registry.host}/from-gantry/odd:1`;
    await gantry("load", "-q", "-i", await oddLayersImage());
    await gantry("tag", "odd:1", name);
    const digest = digestIn(await gantry("push", name));
    expect(digestIn(await docker("pull", name))).toBe(digest);
    await expectSameImage(name);

    // By its digest, without its tag, on an engine that has nothing of it.
    await docker("rmi", "-f", name);
    await gantry("rmi", "-f", name, "odd:1");
    const pinned = `${name.slice(0, -2)}@${digest}`;
    expect(digestIn(await gantry("pull", pinned))).toBe(digest);
    expect(digestIn(await docker("pull", pinned))).toBe(digest);
    await expectSameImage(pinned);
    await gantry("rmi", "-f", pinned);
  }, 120_000);

  test("every blob that Gantry pushed is at the registry under its digest", async () => {
    const document = JSON.parse(await manifestOf("from-gantry/odd", "1")) as {
      config: { digest: string; size: number };
      layers: { digest: string; size: number }[];
    };
    expect(document.layers).toHaveLength(3);
    for (const { digest, size } of [document.config, ...document.layers]) {
      const bytes = await Bun.file(registry.blobPath(digest)).bytes();
      expect([digestOf(bytes) as string, bytes.length]).toEqual([digest, size]);
    }
  });

  test.skipIf(!hasSkopeo)(
    "skopeo reads what Gantry pushed, and Gantry a whole index that skopeo copied",
    async () => {
      const inspected = JSON.parse(
        await skopeo("inspect", "--tls-verify=false", `docker://${registry.host}/from-gantry/odd:1`),
      ) as { Digest: string; Layers: string[]; Os: string };
      expect([inspected.Os, inspected.Layers.length]).toEqual(["linux", 3]);

      await using source = await startFakeRegistry();
      const others = ["s390x", "ppc64le"];
      const manifests = [ARCHITECTURE, ...others].map((architecture) => {
        const { digest, manifest } = source.putImage(
          "src/multi",
          architecture,
          [layer(architecture), gzipped(`2 ${architecture}`)],
          { architecture },
        );
        return {
          mediaType: MEDIA_TYPES.ociManifest,
          digest,
          size: manifest.length,
          platform: { os: "linux", architecture },
        };
      });
      const index = {
        schemaVersion: 2,
        mediaType: MEDIA_TYPES.ociIndex,
        manifests,
        annotations: { why: "bit for bit" },
      };
      const { digest, bytes } = source.putManifest("src/multi", "1", index);
      const insecure = ["--src-tls-verify=false", "--dest-tls-verify=false"];
      const name = `${registry.host}/multi:1`;
      await skopeo("copy", "-q", "--all", ...insecure, `docker://${source.host}/src/multi:1`, `docker://${name}`);
      expect(await manifestOf("multi", "1")).toBe(bytes.toString());
      for (const architecture of [...others, ARCHITECTURE]) {
        expect(digestIn(await gantry("pull", "--platform", `linux/${architecture}`, name))).toBe(digest);
        expect(await gantry("inspect", "-f", "{{.Architecture}}", name)).toBe(architecture);
      }
      // All of it is here now, and goes on as a whole.
      await gantry("tag", name, `${registry.host}/multi-again:1`);
      await gantry("push", `${registry.host}/multi-again:1`);
      const directory = join(daemon.directory, "copied");
      await skopeo(
        "copy",
        "-q",
        "--all",
        "--src-tls-verify=false",
        `docker://${registry.host}/multi-again:1`,
        `dir:${directory}`,
      );
      expect(digestOf(await Bun.file(join(directory, "manifest.json")).bytes())).toBe(digest);
    },
    120_000,
  );
}

function gzipped(name: string) {
  const tar = layer(name);
  return { bytes: gzipSync(tar, { level: 9 }), diffId: digestOf(tar) };
}

if (why !== undefined) test.skip(`images between Docker and Gantry: ${why}`, () => undefined);
else describe("images between Docker 20.10 and Gantry", exchange);
