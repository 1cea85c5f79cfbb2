import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import type { FilesResult } from "../../src/builder/results.ts";
import { probeProgram } from "../attacks/hostile-image.ts";
import { obstacle } from "../launcher/box.ts";
import { filesOf } from "./files-source.ts";
import { LAYER, mountOf, openWorkshop, SCRATCH, type Workshop } from "./workshop.ts";

describe.skipIf(obstacle() !== undefined)("hostile build steps (needs root and busybox)", () => {
  let shop: Workshop;
  let place: string;
  let tools: FilesResult;
  beforeAll(async () => {
    shop = await openWorkshop();
    place = mkdtempSync(`${tmpdir()}/gantry-run-hostile-`);
    mkdirSync(`${place}/tools`);
    copyFileSync(await probeProgram(), `${place}/tools/probe`);
    tools = filesOf(`${place}/tools`);
    writeFileSync(`${place}/host-file`, "of the host\n");
  });
  afterEach(() => expect(shop.leftovers()).toEqual([]));
  afterAll(async () => {
    await shop.close();
    rmSync(place, { recursive: true, force: true });
  });

  const cache = (source = "") =>
    mountOf("cache", { id: "swapped", target: source === "" ? "/cache" : "/shown", source });

  test("attack 41: a cache mount's source that is swapped for a link shows no file of the host", async () => {
    const prepare = `mkdir /cache/dir; echo inside > /cache/dir/file; ln -s ${place} /cache/link; ln -s ../../../../../..${place} /cache/up; ln -s /proc/self/root /cache/magic`;
    await shop.run(prepare, { mounts: [cache()] });
    const swapping = shop.run(
      "",
      {
        argv: ["/tools/probe", "swap", "/cache/dir", "/cache/link", "2500"],
        mounts: [cache(), mountOf("bind", { target: "/tools" }, 1)],
      },
      { inputs: [tools] },
    );
    const seen = new Set<string>();
    let isOver = false;
    void swapping.then(() => (isOver = true));
    while (!isOver) seen.add(await shop.failure("ls /shown", { mounts: [cache("dir")] }));
    await swapping;
    for (const text of seen) expect(["succeeded: file\n", '"/dir": not found']).toContain(text);
    expect(seen).toContain("succeeded: file\n");
    for (const source of ["up", "link", "../../.."]) {
      const text = await shop.failure("cat /shown/host-file; ls /shown", { mounts: [cache(source)] });
      expect(text).not.toContain("of the host");
      expect(text).toMatch(/not found|No such file/);
    }
    expect(await shop.failure("true", { mounts: [cache("magic")] })).toMatch(/too many levels|not found/);
  });

  test("attack 41: a link in a bind mount's source leads nowhere outside of it", async () => {
    const stage = await shop.layers.fill(SCRATCH, LAYER, async (directory) => {
      symlinkSync(place, `${directory}/out`);
      symlinkSync("/etc", `${directory}/etc-of-the-host`);
    });
    for (const source of ["out", "etc-of-the-host", "../../../etc"]) {
      for (const readOnly of [true, false]) {
        const mounts = [mountOf("bind", { source, readOnly }, 1)];
        expect(await shop.failure("ls /mnt", { mounts }, { inputs: [stage] })).toMatch(/^"\/.*": not found$/);
      }
    }
  });

  test("attack 42: mount points behind links are made inside, and nothing outside goes with them", async () => {
    const outside = `${place}/outside`;
    mkdirSync(`${outside}/empty`, { recursive: true });
    const base = await shop.layers.fill(shop.base, LAYER, async (directory) => {
      symlinkSync("/real/place", `${directory}/behind`);
      symlinkSync(outside, `${directory}/host`);
      symlinkSync("../../../../../../../..", `${directory}/above`);
    });
    const targets = ["/behind/mnt", "/host/empty", "/host/new/deep", `/above${outside}/empty`, "/real/x"];
    const mounts = targets.map((target) => mountOf("tmpfs", { target }));
    const before = readdirSync(outside);
    const { tree, text } = await shop.run("grep -c 'tmpfs' /proc/mounts; ls /host", { mounts }, { base });
    expect(text).toEndWith("empty\nnew\n");
    expect(shop.contents(tree)).toEqual([]);
    expect(readdirSync(outside)).toEqual(before);
    expect(readdirSync(`${outside}/empty`)).toEqual([]);
  });

  test("attack 42: what the command put beside a mount point stays, and a parent that it swapped for a link is not followed", async () => {
    const outside = `${place}/victim`;
    mkdirSync(`${outside}/b`, { recursive: true });
    const mounts = [mountOf("tmpfs", { target: "/a/b" }), mountOf("tmpfs", { target: "/c/d" })];
    const script = `touch /a/kept; mv /c /moved 2>/dev/null; ls / | grep -c moved; umount /c/d 2>/dev/null; true`;
    const { tree } = await shop.run(script, { mounts });
    expect(shop.contents(tree).filter((name) => !name.startsWith("moved") && name !== "c (whiteout)")).toEqual([
      "a",
      "a/kept",
    ]);
    const swapped = await shop.run(`umount /a/b && rm -r /a && ln -s ${outside} /a`, {
      mounts: [mountOf("tmpfs", { target: "/a/b" })],
      security: "insecure",
    });
    expect(shop.contents(swapped.tree)).toEqual(["a"]);
    expect(readdirSync(outside)).toEqual(["b"]);
  });

  async function audit(security: "sandbox" | "insecure") {
    const { text } = await shop.run(
      "",
      { argv: ["/tools/probe", "audit"], security, mounts: [mountOf("bind", { target: "/tools" }, 1)] },
      { inputs: [tools] },
    );
    const lines = text.split("\n");
    const of = (kind: string) =>
      lines.filter((line) => line.startsWith(`${kind} `)).map((line) => line.slice(kind.length + 1));
    return { findings: of("FINDING"), facts: of("FACT") };
  }

  test("attack 46: the probe finds nothing in a build step, whose rights are a default container's", async () => {
    const { findings, facts } = await audit("sandbox");
    expect(findings).toEqual([]);
    expect(facts).toContain("audit done");
    expect(facts).toContain("CapEff 00000000a80425fb");
    expect(facts).toContain("CapInh 0000000000000000");
    expect(facts).toContain("Seccomp 2");
    expect((await audit("insecure")).findings.length).toBeGreaterThan(20);
  }, 60_000);

  test("attack 46: a step sees no mount but its own, no socket of the engine, and no descriptor", async () => {
    const mounts = [
      mountOf("bind", { target: "/rw", readOnly: false }, 1),
      mountOf("cache", { target: "/cache", id: "mine" }),
    ];
    const other = shop.run("sleep 0.5", { mounts: [mountOf("cache", { id: "other", target: "/other" })] });
    const script =
      "cut -d' ' -f5 /proc/self/mountinfo | grep -v '^/proc/\\|^/sys/\\|^/dev/'; ls /proc/self/fd | wc -l; ls -d /proc/[0-9]* | wc -l";
    const { text } = await shop.run(script, { mounts }, { inputs: [tools] });
    await other;
    const [descriptors, processes] = text.trim().split("\n").slice(-2).map(Number);
    const shown = text.trim().split("\n").slice(0, -2).sort();
    expect(shown).toEqual([
      "/",
      "/cache",
      "/dev",
      "/etc/hostname",
      "/etc/hosts",
      "/etc/resolv.conf",
      "/proc",
      "/rw",
      "/sys",
    ]);
    expect([descriptors, processes]).toEqual([4, 3]);
    expect(await shop.failure("mknod /disk b 254 0 && cat /disk")).toContain("perati");
    expect(readFileSync(`${place}/host-file`, "utf8")).toBe("of the host\n");
  });

  test("attack 46: a fork bomb ends at the step's limit of tasks, and nothing of it is left", async () => {
    const other = await openWorkshop({ deps: { stepTasks: 40 } });
    try {
      const script = "for i in $(seq 100); do sleep 1000 & done; echo all";
      expect(await other.failure(script)).toContain("Resource temporarily unavailable");
      expect(other.leftovers()).toEqual([]);
      expect((await other.run("for i in $(seq 20); do sleep 0 & done; wait; echo all")).text).toBe("all\n");
    } finally {
      await other.close();
    }
  });

  test("attack 41: two steps that swap a cache mount's directory for a link while each other mounts it see no file of the host", async () => {
    const seconds = Number(process.env["GANTRY_ATTACK_SECONDS"] ?? 3);
    const programs = mountOf("bind", { target: "/tools" }, 1);
    await shop.run(`mkdir -p /cache/dir; echo inside > /cache/dir/file; ln -sfn ${place} /cache/link`, {
      mounts: [cache()],
    });
    const swapping = shop.run(
      "",
      {
        argv: ["/tools/probe", "swap", "/cache/dir", "/cache/link", String(seconds * 1000)],
        mounts: [cache(), programs],
      },
      { inputs: [tools] },
    );
    let isOver = false;
    void swapping.then(() => (isOver = true));
    const seen = new Set<string>();
    const look = async (target: string) => {
      while (!isOver) {
        const mounts = [mountOf("cache", { id: "swapped", target, source: "dir" })];
        seen.add(
          await shop.failure(`ls ${target}; cat ${target}/host-file 2>/dev/null; touch ${target}/left`, { mounts }),
        );
      }
    };
    await Promise.all([look("/shown"), look("/etc/deep/shown")]);
    await swapping;
    for (const text of seen) expect(text).not.toContain("of the host");
    expect([...seen].some((text) => text.includes("file\n"))).toBe(true);
    expect(readdirSync(place).sort()).toEqual(["host-file", "outside", "tools", "victim"]);
  }, 600_000);
});
