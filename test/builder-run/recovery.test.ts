import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { removeCgroupTree } from "../../src/runtime/cgroups/cgroup-control.ts";
import { gatherHostFacts } from "../../src/runtime/host-facts.ts";
import { cgroupParentOf } from "../containers/territory.ts";
import { until } from "../harness/until.ts";
import { obstacle } from "../launcher/box.ts";
import { mountOf, openWorkshop, type Workshop } from "./workshop.ts";

describe.skipIf(obstacle() !== undefined)("a daemon that dies while a step runs (needs root and busybox)", () => {
  let files: string;
  let directory: string;
  let elsewhere: string;
  let shop: Workshop | undefined;
  beforeAll(() => {
    files = mkdtempSync(`${tmpdir()}/gantry-run-files-`);
    writeFileSync(`${files}/file`, "as it was\n");
  });
  afterAll(() => rmSync(files, { recursive: true, force: true }));
  beforeEach(() => {
    directory = mkdtempSync(`${tmpdir()}/gantry-run-doomed-`);
    elsewhere = `${cgroupParentOf(directory)}-elsewhere`;
  });
  afterEach(async () => {
    await shop?.close();
    shop = undefined;
    removeCgroupTree(gatherHostFacts(elsewhere).cgroup, elsewhere);
  });

  async function doomed(failpoint = ""): Promise<void> {
    const child = Bun.spawn([process.execPath, `${import.meta.dir}/doomed-daemon.ts`, directory, files], {
      env: { ...process.env, GANTRY_FAILPOINT: failpoint, CGROUP_PARENT: elsewhere },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    });
    for await (const piece of child.stdout) {
      if (Buffer.from(piece).toString().includes("running")) child.kill("SIGKILL");
    }
    await child.exited;
    expect(child.signalCode).toBe("SIGKILL");
  }

  /** Command lines of processes in the step's cgroups: they are named after it. */
  const stepProcesses = () =>
    readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => cgroupOf(pid).includes(elsewhere));

  test.each(["", "build.running", "build.planned"])(
    "killed at %p: the next one ends the step and sweeps",
    async (failpoint) => {
      await doomed(failpoint);
      if (failpoint !== "build.planned") expect(stepProcesses().length).toBeGreaterThan(0);
      shop = await openWorkshop({ directory });
      await shop.runner.recover();
      await until("its processes are gone", () => stepProcesses().length === 0);
      expect(shop.leftovers()).toEqual([]);
      expect(readdirSync(files)).toEqual(["file"]);
      const { text } = await shop.run("cat /mnt/file || true", { mounts: [mountOf("cache", { id: "kept" })] });
      expect(text).toBe(failpoint === "" ? "x\n" : text);
      expect(shop.leftovers()).toEqual([]);
    },
  );
});

function cgroupOf(pid: string): string {
  const child = Bun.spawnSync(["cat", `/proc/${pid}/cgroup`], { stderr: "ignore" });
  return child.stdout.toString();
}
