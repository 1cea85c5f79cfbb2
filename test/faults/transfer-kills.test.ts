import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { MEDIA_TYPES } from "../../src/formats/oci/media-types.ts";
import { checkReport } from "../harness/check-report.ts";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { type PeerRegistry, startDockerRegistry, whyNoDockerRegistry } from "../harness/docker-registry.ts";
import { storeLeftovers } from "../harness/store-leftovers.ts";
import { until } from "../harness/until.ts";
import { archiveOf, configOf } from "../images/fixture.ts";
import { layer } from "../transfers/puller.ts";

/**
 * A hundred transfers, a pull and a push at a time, whose daemon is killed at a random moment. `GANTRY_TRANSFER_KILLS` makes it more of
 * them, `GANTRY_SEED` the same moments again.
 */
const KILLS = Number(process.env["GANTRY_TRANSFER_KILLS"] ?? 50);
const SEED = process.env["GANTRY_SEED"] ?? String(Date.now());
/** Kills after which the transfers are brought to their end. */
const ROUND = 5;

let daemon: TestDaemon;
let registry: PeerRegistry;
/** IDs of the image that is pulled and the one that is pushed. */
const ids: Record<"pulled" | "pushed", string> = { pulled: "", pushed: "" };

/** The same numbers from 0 to 1 for the same seed. */
function random(at: number): number {
  return createHash("sha256").update(`${SEED} ${at}`).digest().readUInt32LE() / 2 ** 32;
}

const why = whyNoDockerRegistry();

async function load(tag: string): Promise<string> {
  const layers = ["a", "b", "c", "d"].map((name) => layer(`${tag} ${name}`, 400_000));
  const files = Object.fromEntries(layers.map((bytes, at) => [`${at}.tar`, bytes]));
  const listing = [{ Config: "c.json", RepoTags: [tag], Layers: Object.keys(files) }];
  const archive = archiveOf({ ...files, "c.json": configOf(layers), "manifest.json": JSON.stringify(listing) });
  await daemon.request("/images/load?quiet=1", { method: "POST", body: archive }).then((answer) => answer.text());
  return (await daemon.call<{ Id: string }>("GET", `/images/${tag}/json`)).Id;
}

async function transfer(path: string): Promise<string> {
  const response = await daemon.request(path, { method: "POST" });
  return response.text();
}

const pull = () => transfer(`/images/create?fromImage=${registry.host}/pulled&tag=1`);
const push = (repository: string) => transfer(`/images/${registry.host}/${repository}/push?tag=1`);
const tagPushed = (repository: string) =>
  daemon.call("POST", `/images/${ids.pushed}/tag?repo=${registry.host}/${repository}&tag=1`);

/** The pulled image goes, the pushed one keeps its own name only: nobody knows where its blobs have been. */
async function forget(): Promise<void> {
  await daemon.call("DELETE", `/images/${registry.host}/pulled:1`, undefined, [404]);
  const { RepoTags, RepoDigests } = await daemon.call<{ RepoTags: string[]; RepoDigests: string[] }>(
    "GET",
    `/images/${ids.pushed}/json`,
  );
  for (const name of [...RepoTags, ...RepoDigests]) {
    if (name.startsWith(registry.host)) await daemon.call("DELETE", `/images/${name}`, undefined, [404]);
  }
}

async function setUp(): Promise<void> {
  console.log(`transfers killed: GANTRY_SEED=${SEED}`);
  registry = await startDockerRegistry();
  daemon = await startDaemon({ busybox: false });
  ids.pulled = await load(`${registry.host}/pulled:1`);
  await push("pulled");
  ids.pushed = await load("pushed:1");
  await forget();
}

/** Every tag at the registry has all that it names, and it is what it is called. */
async function expectWholeAtRegistry(repositories: string[]): Promise<void> {
  const digests = new Set<string>();
  for (const repository of repositories) {
    const response = await fetch(`http://${registry.host}/v2/${repository}/manifests/1`, {
      headers: { Accept: MEDIA_TYPES.ociManifest },
    });
    if (response.status === 404) continue;
    expect(response.status).toBe(200);
    const { config, layers } = (await response.json()) as { config: { digest: string }; layers: { digest: string }[] };
    for (const { digest } of [config, ...layers]) {
      const head = await fetch(`http://${registry.host}/v2/${repository}/blobs/${digest}`, { method: "HEAD" });
      expect(head.status).toBe(200);
      digests.add(digest);
    }
  }
  for (const digest of digests) {
    const bytes = await Bun.file(registry.blobPath(digest)).bytes();
    expect(`sha256:${createHash("sha256").update(bytes).digest("hex")}`).toBe(digest);
  }
}

function kills(): void {
  beforeAll(setUp, 60_000);
  afterAll(async () => {
    await daemon?.[Symbol.asyncDispose]();
    await registry?.[Symbol.asyncDispose]();
  }, 60_000);

  test(`${KILLS} times leaves whole images, and nothing when they go`, async () => {
    const repositories: string[] = [];
    const startedAt = performance.now();
    await Promise.all([pull(), tagPushed("first").then(() => push("first"))]);
    // Up to a little more than both take when nobody disturbs them.
    const span = (performance.now() - startedAt) * 1.2;
    await forget();
    // A push leaves its layers compressed.
    const before = readdirSync(join(daemon.dataRoot, "content/blobs/sha256")).sort();
    for (let kill = 0; kill < KILLS; kill++) {
      const repository = `killed-${kill}`;
      repositories.push(repository);
      await tagPushed(repository);
      const both = Promise.allSettled([pull(), push(repository)]);
      await Bun.sleep(random(kill) * span);
      await daemon.kill9();
      await both;
      await daemon.start();
      const { Problems } = await checkReport(daemon);
      expect(Problems).toEqual([]);
      const found = await daemon.call<{ Id: string }[]>("GET", "/images/json");
      for (const { Id } of found) expect([ids.pulled, ids.pushed]).toContain(Id);
      if (kill % ROUND !== ROUND - 1) continue;
      expect(await pull()).toContain("Status: ");
      expect(await push(repository)).toContain("digest: sha256:");
      await forget();
      expect((await checkReport(daemon)).Problems).toEqual([]);
      await until("nothing is left", () => storeLeftovers(daemon.dataRoot).length === 0);
      expect(readdirSync(join(daemon.dataRoot, "content/blobs/sha256")).sort()).toEqual(before);
    }
    await expectWholeAtRegistry(["pulled", "first", ...repositories]);
  }, 300_000);

  test("a registry killed in the middle of a pull and a push: they end well, or say that it was gone, and the next ones end well", async () => {
    const repositories: string[] = [];
    for (let kill = 0; kill < KILLS / 5; kill++) {
      const repository = `served-${kill}`;
      repositories.push(repository);
      await tagPushed(repository);
      const both = Promise.all([pull(), push(repository)]);
      await Bun.sleep(random(kill) * 100);
      await registry.kill9();
      await registry.start();
      for (const outcome of await both) {
        expect(outcome).toMatch(/Status: |digest: sha256:|connection refused|connection reset|EOF|broken pipe/);
      }
      expect(await pull()).toContain("Status: ");
      expect(await push(repository)).toContain("digest: sha256:");
      await forget();
    }
    expect((await checkReport(daemon)).Problems).toEqual([]);
    expect(storeLeftovers(daemon.dataRoot)).toEqual([]);
    await expectWholeAtRegistry(repositories);
  }, 120_000);
}

if (why !== undefined) test.skip(`fault 62: a daemon killed in the middle of transfers: ${why}`, () => undefined);
else describe("fault 62: a daemon killed in the middle of transfers", kills);
