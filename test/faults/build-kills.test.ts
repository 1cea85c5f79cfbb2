import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkReport } from "../harness/check-report.ts";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { storeLeftovers } from "../harness/store-leftovers.ts";
import { until } from "../harness/until.ts";

/**
 * Builds whose daemon is killed, at a random moment and at each of its failpoints. `GANTRY_BUILD_KILLS` makes it more of them,
 * `GANTRY_SEED` the same moments again.
 */
const KILLS = Number(process.env["GANTRY_BUILD_KILLS"] ?? 30);
const SEED = process.env["GANTRY_SEED"] ?? String(Date.now());
/** Kills after which a build is brought to its end and compared with one that finds nothing in the cache. */
const ROUND = 10;
/** The command of Debian's docker.io 20.10, whose BuildKit session goes through the daemon itself. */
const DOCKER = "/usr/bin/docker";

const DOCKERFILE = `FROM busybox AS make
ARG ROUND
RUN --mount=type=cache,target=/cache echo x >> /cache/log && mkdir /made && for i in 1 2 3; do echo "$ROUND $i" > /made/$i; done
FROM busybox
ARG NUMBER
COPY data /data
COPY --from=make /made /made
RUN --mount=type=bind,from=make,source=made,target=/mnt cat /mnt/* > /all && ln -s all /link && rm /made/2
RUN --network=none echo "$NUMBER" > /number && chmod 4755 /number && rm -r /data/old
LABEL number=$NUMBER
`;

let daemon: TestDaemon;
let place: string;
beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), "gantry-build-kills-"));
  mkdirSync(join(place, "context/data/old"), { recursive: true });
  writeFileSync(join(place, "context/Dockerfile"), DOCKERFILE);
  for (const name of ["a", "b", "old/c"]) writeFileSync(join(place, "context/data", name), `${name}\n`.repeat(1000));
  daemon = await startDaemon();
}, 60_000);
afterAll(async () => {
  await daemon?.[Symbol.asyncDispose]();
  rmSync(place, { recursive: true, force: true });
}, 60_000);
afterEach(async () => {
  if (!(await daemon.request("/_ping").catch(() => undefined))?.ok) await daemon.start();
  expect(await daemon.leakCheck()).toEqual([]);
});

/** The same numbers from 0 to 1 for the same seed. */
function random(at: number): number {
  return createHash("sha256").update(`${SEED} ${at}`).digest().readUInt32LE() / 2 ** 32;
}

function argumentsOf(number: number): string[] {
  const round = Math.floor(number / 3);
  return ["--build-arg", `ROUND=${round}`, "--build-arg", `NUMBER=${number}`, `${place}/context`];
}

/** By our own command, or by Docker's. `more`: flags of ours. */
function build(number: number, { byDocker = false, more = [] as string[] } = {}) {
  const options = { timeoutMs: 60_000, env: { DOCKER_BUILDKIT: "1" } };
  if (byDocker) return daemon.client([DOCKER, "build", "-t", "killed", ...argumentsOf(number)], options);
  return daemon.gantry(["build", "-t", "killed", ...more, ...argumentsOf(number)], options);
}

const prune = () => daemon.call("POST", "/build/prune?all=1");
const images = () => daemon.call<{ Id: string; RepoTags: string[] }[]>("GET", "/images/json?all=1");

/** Nothing of earlier builds is there. */
async function forget(): Promise<void> {
  for (const { Id, RepoTags } of await images())
    if (!RepoTags.includes("busybox:latest")) await daemon.call("DELETE", `/images/${Id}?force=1`, undefined, [404]);
  await prune();
}

/** What builds leave while they are at it, and no later. */
function leftovers(): string[] {
  const below = (path: string) => (existsSync(path) ? readdirSync(path).map((name) => join(path, name)) : []);
  return [
    ...storeLeftovers(daemon.dataRoot),
    ...["builder/scratch", "snapshots/active"].flatMap((folder) => below(join(daemon.dataRoot, folder))),
    ...["builds", "launchers"].flatMap((folder) => below(join(daemon.execRoot, folder))),
  ];
}

/** After a kill: nothing is half there, nothing is nobody's. */
async function expectSound(): Promise<void> {
  await until("what the dead daemon's builds had is swept", () => leftovers().length === 0).catch(() => undefined);
  expect(leftovers()).toEqual([]);
  expect((await checkReport(daemon)).Problems).toEqual([]);
  expect(await daemon.leakCheck()).toEqual([]);
}

/** An image's files with what they hold, as lines: as a container sees them. */
async function treeOf(number: number, flags: string[]): Promise<string> {
  const { code, stderr } = await build(number, { more: flags });
  expect(`${code} ${code === 0 ? "" : stderr}`).toBe("0 ");
  const files =
    "find / -xdev ! -path '/etc/host*' ! -path /etc/resolv.conf ! -path '/dev*' ! -path /proc ! -path '/sys*'";
  const script = `${files} -exec stat -c '%N %F %a %u %g' {} + | sort; ${files} ! -path '/bin/*' -type f -exec sha256sum {} + | sort -k2`;
  const listed = await daemon.gantry(["run", "--rm", "--network=none", "killed", "sh", "-c", script]);
  expect(listed.stderr).toBe("");
  return listed.stdout;
}

/** By number: what a build makes that finds nothing in the cache. */
const references = new Map<number, string>();

/** What the cache has to say is what a build without it makes. */
async function expectRight(number: number): Promise<void> {
  const found = await treeOf(number, []);
  expect(found).toMatch(/^\/number regular file 4755 0 0$/m);
  const reference = references.get(number) ?? (await treeOf(number, ["--no-cache"]));
  references.set(number, reference);
  expect(found).toBe(reference);
}

const clients = existsSync(DOCKER) ? [false, true] : [false];

describe("fault 62: a daemon killed in the middle of builds", () => {
  test(`${KILLS} times leaves nothing that is half there, and a cache that is right`, async () => {
    console.log(`builds killed: GANTRY_SEED=${SEED}`);
    expect((await build(-4)).code).toBe(0);
    const startedAt = performance.now();
    expect((await build(-1)).code).toBe(0);
    // A little longer than a build takes when nobody disturbs it, and all is warm.
    const span = (performance.now() - startedAt) * 1.2;
    let ended = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const byDocker = clients[kill % clients.length] as boolean;
      const building = build(kill, { byDocker });
      await Bun.sleep(random(kill) * span);
      await daemon.kill9();
      ended += (await building).code === 0 ? 1 : 0;
      await daemon.start();
      await expectSound();
      if (kill % ROUND !== ROUND - 1) continue;
      await expectRight(kill);
      if (random(-kill) < 0.5) await prune();
    }
    // Kills that come when all is over would show nothing.
    console.log(`${ended} of ${KILLS} builds had ended before`);
    expect(ended).toBeLessThan(KILLS * 0.8);
  }, 600_000);

  test.each([
    "build.planned",
    "build.running:3",
    "build.changed:2",
    "build.sealed:4",
    "build.committed:2",
    "build.vertex:3",
    "export.documents",
    "install.layers",
    "install.recorded",
    "export.installed",
  ])(
    "at %s: it is swept, and the next build is right",
    async (failpoint) => {
      await prune();
      const before = await daemon.call<{ Id: string }[]>("GET", "/images/json?all=1");
      for (const { Id, RepoTags } of before as { Id: string; RepoTags: string[] }[])
        if (!RepoTags.includes("busybox:latest"))
          await daemon.call("DELETE", `/images/${Id}?force=1`, undefined, [404]);
      await daemon.stop();
      await daemon.start({ GANTRY_FAILPOINT: failpoint });
      const failed = await build(1);
      expect(failed.code).not.toBe(0);
      await daemon.exited();
      await daemon.start();
      await expectSound();
      const named = await daemon.call<{ RepoTags: string[] }[]>("GET", "/images/json");
      const isNamed = named.some(({ RepoTags }) => RepoTags.includes("killed:latest"));
      expect(isNamed).toBe(["install.recorded", "export.installed"].includes(failpoint));
      await expectRight(1);
    },
    60_000,
  );

  test("at cache.pruned: what was to go is gone or is found, and the next prune ends it", async () => {
    await expectRight(2);
    await daemon.stop();
    await daemon.start({ GANTRY_FAILPOINT: "cache.pruned" });
    expect(
      await prune().then(
        () => "pruned",
        () => "the daemon is gone",
      ),
    ).toBe("the daemon is gone");
    await daemon.exited();
    await daemon.start();
    await expectSound();
    await expectRight(2);
    await prune();
    await expectSound();
  }, 60_000);

  test.each(["files", "record"])(
    "a power cut that tears the %s of layers: the image is gone with its names, the log says so, and it can be built again",
    async (torn) => {
      await forget();
      expect((await build(3)).code).toBe(0);
      const logged = daemon.log().length;
      await daemon.kill9();
      cutPower(torn);
      await daemon.start();
      expect(daemon.log().slice(logged)).toContain("an image is lost");
      expect((await images()).map(({ RepoTags }) => RepoTags)).toEqual([["busybox:latest"]]);
      const { stderr } = await daemon.gantry(["run", "--rm", "--pull=never", "killed", "true"]);
      expect(stderr).toContain("No such image: killed");
      await expectSound();
      // Not one step is believed to be there.
      const again = await build(3, { more: ["--progress=plain"] });
      expect(again.stderr.match(/^#\d+ CACHED$/gm)?.length).toBe(1);
      await expectRight(3);
      await expectSound();
    },
    60_000,
  );
});

/** The disk has the layers' names; their files are empty, and the kernel's run in which they and contexts were made is over. */
function cutPower(torn: string): void {
  const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  for (const path of filesBelow(join(daemon.dataRoot, "builder/contexts"))) {
    const text = readFileSync(path, "latin1");
    if (text.includes(bootId)) writeFileSync(path, text.replace(bootId, "0".repeat(bootId.length)), "latin1");
  }
  const root = join(daemon.dataRoot, "snapshots");
  for (const number of readdirSync(root).filter((name) => /^\d+$/.test(name))) {
    const layer = join(root, number);
    writeFileSync(join(layer, "unsettled"), "00000000-0000-4000-8000-000000000000");
    if (torn === "record") truncateSync(join(layer, "layer.json"));
    else for (const path of filesBelow(join(layer, "fs"))) truncateSync(path);
  }
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
}
