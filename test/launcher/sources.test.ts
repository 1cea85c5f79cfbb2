import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { closeSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { syscall } from "../../src/kernel/libc.ts";
import type { LaunchError } from "../../src/runtime/launcher/launcher.ts";
import { at, type OperationArgs, type StagedOperation } from "../../src/runtime/plan/launch-plan.ts";
import { type Box, createBox, OUTPUT, obstacle, readAll, splitFrames } from "./box.ts";

type Bind = Partial<OperationArgs["mount-bind"]>;
const bind = (wanted: Bind): StagedOperation =>
  at("enter", "mount-bind", { source: "/", target: "/bound", recursive: true, attributes: {}, ...wanted });

describe.skipIf(obstacle() !== undefined)("sources of binds", () => {
  let box: Box;
  let volume: string;
  beforeAll(async () => {
    box = await createBox();
    volume = join(box.dir, "volume");
    mkdirSync(join(volume, "a/b"), { recursive: true });
    writeFileSync(join(volume, "a/b/file"), "inside\n");
    writeFileSync(join(box.dir, "file"), "outside\n");
  });
  afterAll(() => box[Symbol.asyncDispose]());

  /** Standard output, or the code of the error and what it was about. */
  async function run(argv: string[], wanted: Bind, fds: number[] = []): Promise<string> {
    try {
      const { attachments, task } = await box.start({ argv, mounts: [bind(wanted)] }, [OUTPUT], fds);
      const bytes = await readAll(attachments[0] as NonNullable<(typeof attachments)[0]>);
      await task.exited;
      return splitFrames(bytes).stdout;
    } catch (error) {
      return `${(error as LaunchError).code} ${(error as LaunchError).message}`;
    }
  }

  test("a path beneath a directory is mounted, and nothing outside of it", async () => {
    const show = ["cat", "/bound/file"];
    expect(await run(show, { source: volume, below: "a/b" })).toBe("inside\n");
    symlinkSync("a/b", join(volume, "good"));
    expect(await run(show, { source: volume, below: "good" })).toBe("inside\n");
    for (const [name, target] of Object.entries({ up: "..", absolute: "/etc", magic: "/proc/self/root" })) {
      symlinkSync(target, join(volume, name));
      expect(await run(show, { source: volume, below: name })).toBe(`EXDEV beneath the bind source ${name}`);
    }
    expect(await run(show, { source: volume, below: "../volume/a/b" })).toStartWith("EXDEV");
    expect(await run(show, { source: volume, below: "none" })).toBe("ENOENT beneath the bind source none");
    expect(await run(show, { source: join(volume, "none"), below: "a" })).toStartWith("ENOENT bind source");
  });

  test("a rooted source is its own root: links lead nowhere else", async () => {
    const root = join(box.dir, "rooted");
    mkdirSync(join(root, "a/b"), { recursive: true });
    writeFileSync(join(root, "a/b/file"), "inside\n");
    const links = { relative: "a/b", absolute: "/a/b", up: "../../../a/b", out: box.dir, magic: "/proc/self/root" };
    for (const [name, target] of Object.entries(links)) symlinkSync(target, join(root, name));
    const show = (below: string) => run(["cat", "/bound/file"], { source: root, below, rooted: true });
    for (const below of ["relative", "absolute", "up", "../../a/b"]) expect(await show(below)).toBe("inside\n");
    for (const below of ["out", "magic", "none"]) {
      expect(await show(below)).toBe(`ENOENT beneath the bind source ${below}`);
    }
  });

  test("not even while somebody swaps it for a way out", async () => {
    const [place, real, link] = ["swapped", "swapped-real", "swapped-link"].map((name) => join(volume, name)) as [
      string,
      string,
      string,
    ];
    mkdirSync(real);
    writeFileSync(join(real, "file"), "inside\n");
    symlinkSync("..", link);
    const swapping = setInterval(() => {
      for (let count = 0; count < 50; count++) {
        renameSync(real, place);
        renameSync(place, real);
        renameSync(link, place);
        renameSync(place, link);
      }
    }, 0);
    const seen = new Set<string>();
    for (let count = 0; count < 60; count++) {
      seen.add((await run(["cat", "/bound/file"], { source: volume, below: "swapped" })).split(" ")[0] ?? "");
    }
    clearInterval(swapping);
    for (const one of seen) expect(["inside\n", "ENOENT", "EXDEV", "EAGAIN"]).toContain(one);
  });

  test("another mount namespace gives its mounts and takes nothing", async () => {
    const script = "mount -t tmpfs donated /mnt; echo shared > /mnt/word; echo ready; exec sleep 600";
    mkdirSync(join(box.root, "mnt"), { recursive: true });
    const donor = await box.start({ argv: ["sh", "-c", script], namespaces: ["pid", "mnt"] }, [OUTPUT]);
    const pidfd = syscall("pidfd_open", "donor", donor.task.pid, 0);
    try {
      await new Promise((resolve) => donor.attachments[0]?.once("data", resolve));
      const from = { from: 0, source: "/", below: "mnt" };
      const grown = await run(["sh", "-c", "cat /bound/word; echo back > /bound/answer; ls /bound"], from, [pidfd]);
      expect(grown).toBe("shared\nanswer\nword\n");
      // The way back led into the own namespace: the root is the box's, and the donor has no new mount.
      expect(await run(["sh", "-c", "ls /mnt; test -d /bound && grep -c donated /proc/mounts"], from, [pidfd])).toBe(
        "1\n",
      );
      const mounts = `/proc/${donor.task.pid}/mounts`;
      expect((await Bun.file(mounts).text()).includes("/bound")).toBe(false);
    } finally {
      closeSync(pidfd);
      await donor.task.signal(9);
      await donor.task.exited;
    }
  });

  test("a descriptor that is not there or no namespace is an error", async () => {
    expect(await run(["true"], { from: 0 })).toBe("EBADF setns for /");
    const fd = openSync("/etc/passwd", "r");
    expect(await run(["true"], { from: 0 }, [fd])).toStartWith("EINVAL setns for /");
    closeSync(fd);
    expect(readdirSync(box.dir)).toContain("volume");
    rmSync(join(volume, "a"), { recursive: true });
  });
});
