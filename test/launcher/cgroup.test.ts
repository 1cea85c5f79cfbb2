import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmdirSync } from "node:fs";
import { at, type StagedOperation } from "../../src/runtime/plan/launch-plan.ts";
import { type Box, createBox, OUTPUT, obstacle } from "./box.ts";

const MEMORY = "/sys/fs/cgroup/memory";
const version = existsSync(`${MEMORY}/memory.oom_control`) ? 1 : 2;
const base = version === 1 ? MEMORY : "/sys/fs/cgroup";
const LIMIT = version === 1 ? "memory.limit_in_bytes" : "memory.max";
const MEGABYTES_16 = String(16 << 20);

function cgroupObstacle(): string | undefined {
  if (obstacle() !== undefined) return obstacle();
  return existsSync(version === 1 ? MEMORY : `${base}/cgroup.controllers`) ? undefined : "needs a memory cgroup";
}

describe.skipIf(cgroupObstacle() !== undefined)("cgroups", () => {
  let box: Box;
  const parent = `${base}/gantry-launcher-test-${process.pid}`;
  beforeAll(async () => {
    box = await createBox();
    mkdirSync(parent);
  });
  afterAll(async () => {
    await box[Symbol.asyncDispose]();
    rmdirSync(parent);
  });

  const membership = (path: string): StagedOperation[] =>
    version === 1 ? [at("attend", "write-child-pid", { path: `${path}/cgroup.procs` })] : [];
  const withCgroup = (path: string, plan: { operations: StagedOperation[] }, extra: StagedOperation[] = []) => [
    at("prepare", "mkdir", { path, mode: 0o755 }),
    at("prepare", "write-file", { path: `${path}/${LIMIT}`, data: MEGABYTES_16 }),
    ...extra,
    ...plan.operations.map((operation) =>
      operation.op === "clone" && version === 2 ? { ...operation, cgroup: path } : operation,
    ),
    ...membership(path),
    at("cleanup", "kill-cgroup", { version, path }),
    at("cleanup", "rmdir", { path }),
  ];

  async function launch(id: string, path: string, argv: string[], extra?: StagedOperation[]) {
    const supervise = { memoryCgroup: { version, path } as const, abandonOutput: true };
    const plan = box.plan(id, { argv, supervise, namespaces: ["mnt"] });
    return box.launcher.launch({
      plan: { ...plan, operations: withCgroup(path, plan, extra) },
      fds: [],
      attachments: [OUTPUT],
    });
  }

  test("a kill for want of memory is told while it happens and in the exit record; the cgroup is gone after", async () => {
    const path = `${parent}/oom`;
    const { task, attachments } = await launch("1".repeat(64), path, ["tail", "/dev/zero"]);
    attachments[0]?.resume();
    let heard = false;
    task.onOutOfMemory(() => (heard = true));
    expect(await task.exited).toMatchObject({ code: 137, signal: 9, oomKilled: true });
    expect(heard).toBe(true);
    expect(readFileSync(box.launcher.exitRecordPath(task.id), "utf8")).toMatch(/^code 137\nsignal 9\noom 1\n/);
    expect(existsSync(path)).toBe(false);
  });

  test("processes that a task leaves behind in its cgroup are killed, and the cgroup is removed", async () => {
    const path = `${parent}/orphans`;
    const { task, attachments } = await launch("2".repeat(64), path, ["sh", "-c", "sleep 1000 & sleep 1000 & exit 2"]);
    attachments[0]?.resume();
    expect(await task.exited).toMatchObject({ code: 2, oomKilled: false });
    expect(existsSync(path)).toBe(false);
  });

  test("an optional write that fails is a warning, a required one fails the start and leaves no cgroup", async () => {
    const path = `${parent}/writes`;
    const write = (optional: boolean) =>
      at("prepare", "write-file", { path: `${path}/no.such.file`, data: "1", optional });
    const { task, attachments } = await launch("3".repeat(64), path, ["true"], [write(true)]);
    attachments[0]?.resume();
    expect((await task.exited).code).toBe(0);
    const failed = await launch("4".repeat(64), path, ["true"], [write(false)]).then(
      () => undefined,
      (error: { operation?: StagedOperation; code: string }) => [error.operation?.op, error.code],
    );
    expect(failed?.[0]).toBe("write-file");
    expect(["ENOENT", "EACCES", "EPERM"]).toContain(failed?.[1] ?? "");
    expect(existsSync(path)).toBe(false);
  });
});
