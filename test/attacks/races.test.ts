import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { until } from "../harness/until.ts";
import { type Api, apiOf } from "./api.ts";
import { loadHostileImage, loadProbeImage } from "./hostile-image.ts";

/** Names that change while a container starts: one container swaps them, others start on the same volume. */
let daemon: TestDaemon;
let api: Api;

beforeAll(async () => {
  daemon = await startDaemon();
  api = apiOf(daemon);
  await loadProbeImage(daemon);
}, 60_000);
afterEach(() => daemon?.removeContainers());
afterAll(() => daemon?.[Symbol.asyncDispose](), 60_000);

const CORE_PATTERN = "/proc/sys/kernel/core_pattern";
const SWAPPING_MS = 60_000;

async function tag(name: string, files: (directory: string) => void): Promise<string> {
  await loadHostileImage(daemon, { tag: `${name}:latest`, files });
  return name;
}

/** A container that exchanges `a` and `b` of the volume for as long as it lives. Prepared by a script that makes both. */
async function swapper(volume: string, prepare: string, a: string, b: string): Promise<string> {
  const script = `cd /shared && ${prepare} && exec /probe swap ${a} ${b} ${SWAPPING_MS}`;
  const HostConfig = { Binds: [`${volume}:/shared`], NetworkMode: "none" };
  const id = await api.start({ Image: "probe", Cmd: ["sh", "-c", script], HostConfig });
  await until("it swaps", async () => (await api.logs(id)).stdout.includes("ready"));
  return id;
}

/** What a name of the host is and holds, to be compared before and after. */
function fingerprint(path: string): string {
  if (!existsSync(path)) return "absent";
  const { mode, rdev, ino } = lstatSync(path);
  return `${mode} ${rdev} ${ino}`;
}

const HOST_FILES = ["/dev", "/dev/null", "/etc", "/etc/passwd", "/proc/sys", "/sys", CORE_PATTERN];
const hostState = () => `${HOST_FILES.map(fingerprint).join()} ${readFileSync(CORE_PATTERN, "utf8")}`;

test("attack 4: /dev/null of an image is nothing that is mounted anywhere", async () => {
  const Image = await tag("null", (directory) => {
    mkdirSync(join(directory, "dev"));
    symlinkSync(CORE_PATTERN, join(directory, "dev/null"));
  });
  const before = hostState();
  const { stdout, code } = await api.sh(
    "stat -c '%F %t:%T' /dev/null; cat /proc/keys /proc/timer_list | wc -c; echo x > /dev/null",
    { Image },
  );
  expect([stdout, code]).toEqual(["character special file 1:3\n0\n", 0]);
  expect(hostState()).toBe(before);
});

test("attack 4: /dev on a volume whose null is swapped while containers start", async () => {
  const before = hostState();
  await swapper("devs", `: > null; ln -sf ${CORE_PATTERN} link`, "null", "link");
  for (let start = 0; start < 25; start++) {
    const script = "cat /proc/keys /proc/timer_list /proc/interrupts | wc -c; echo |cat > /dev/null";
    const HostConfig = { Binds: ["devs:/dev"], NetworkMode: "none" };
    const { stdout, code } = await api.sh(script, { HostConfig });
    if (code !== undefined) expect(stdout).toBe("0\n");
  }
  expect(hostState()).toBe(before);
}, 60_000);

test.each(["/proc", "/sys", "/etc", "../../../../etc", "/proc/self/root", "/"])(
  "attack 5: an image whose /dev leads to %s",
  async (target) => {
    const Image = await tag("dev", (directory) => symlinkSync(target, join(directory, "dev")));
    const before = hostState();
    const names = readdirSync("/etc").join();
    const { code, stdout, error } = await api.sh("ls -d / && cat /proc/keys /proc/timer_list 2>/dev/null | wc -c", {
      Image,
    });
    if (code === undefined) expect(error).not.toBe("");
    else expect(stdout).toMatch(/^\/\n0\n$/);
    expect(hostState()).toBe(before);
    expect(readdirSync("/etc").join()).toBe(names);
  },
);

test("attack 6: /dev on a volume that changes while containers with a terminal start", async () => {
  const Image = await tag("ttys", (directory) => symlinkSync("/shared/dev", join(directory, "dev")));
  const before = hostState();
  await swapper("ttys", "mkdir -p dev/pts evil/pts; ln -s /proc/sys/kernel/core_pattern evil/console", "dev", "evil");
  const script = "stat -L -c '%F %t' /proc/self/fd/0; tty";
  const volumes = [
    { Image, HostConfig: { Binds: ["ttys:/shared"], NetworkMode: "none" } },
    { Image: "busybox", HostConfig: { Binds: ["ttys:/dev"], NetworkMode: "none" } },
  ];
  for (let start = 0; start < 40; start++) {
    const { stdout, code, error } = await api.sh(script, { Tty: true, ...volumes[start % 2] });
    if (code === undefined) expect(error).toMatch(/terminal|console|no such|not a directory|link/i);
    else expect(stdout).toMatch(/^character special file 88\r\n(\/dev\/(pts\/0|console)|not a tty)\r\n$/);
  }
  expect(hostState()).toBe(before);
}, 60_000);

test("attack 8: a mount's target that is swapped for a link while 200 containers start", async () => {
  const outside = join(daemon.directory, "outside");
  const marker = join(daemon.directory, "marker");
  for (const path of [outside, marker]) mkdirSync(path);
  await Bun.write(join(marker, "here"), "marker\n");
  const before = hostState();
  await swapper("targets", `mkdir -p real/deep; ln -sfn ../../../../../../../..${outside} link`, "real", "link");
  let inside = 0;
  const one = async () => {
    const Binds = ["targets:/shared", `${marker}:/shared/real/deep/target:ro`];
    const { code, stdout } = await api.sh("grep -c ' /.*/target ' /proc/self/mountinfo", {
      HostConfig: { Binds, NetworkMode: "none" },
    });
    if (code === 0 && stdout === "1\n") inside++;
    expect(readdirSync(outside)).toEqual([]);
  };
  for (let start = 0; start < 200; start += 4) await Promise.all([one(), one(), one(), one()]);
  expect(inside).toBeGreaterThan(0);
  expect(readdirSync(outside)).toEqual([]);
  expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(outside);
  expect(statSync(marker).isDirectory()).toBe(true);
  expect(hostState()).toBe(before);
  rmSync(marker, { recursive: true });
}, 60_000);

test("attack 8: targets with dots, absolute links and links to nowhere stay inside", async () => {
  const Image = await tag("links", (directory) => {
    symlinkSync("/etc", join(directory, "absolute"));
    symlinkSync("../../../../../../../../etc", join(directory, "climbing"));
    symlinkSync("/nowhere/at/all", join(directory, "dangling"));
  });
  const names = readdirSync("/etc").join();
  for (const target of ["/absolute/gantry-x", "/climbing/gantry-x", "/dangling/gantry-x", "/a/../../../etc/gantry-x"]) {
    const HostConfig = { Mounts: [{ Type: "volume", Source: "inside", Target: target }], NetworkMode: "none" };
    const { code, stdout, error } = await api.sh("grep -c gantry-x /proc/self/mountinfo", { Image, HostConfig });
    if (code === undefined) expect(error).not.toBe("");
    else expect(stdout).toBe("1\n");
  }
  expect(readdirSync("/etc").join()).toBe(names);
  expect(existsSync("/nowhere")).toBe(false);
});

test("nothing is left when every container is removed", async () => {
  expect(await daemon.leakCheck()).toEqual([]);
});
