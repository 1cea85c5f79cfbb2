import { closeSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { randomId } from "../../src/base/ids.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { syscall } from "../../src/kernel/libc.ts";
import {
  cgroupPids,
  ensureCgroupParent,
  killCgroup,
  removeCgroupTree,
} from "../../src/runtime/cgroups/cgroup-control.ts";
import { NO_LIMITS } from "../../src/runtime/cgroups/effective-resources.ts";
import { buildEnvironment } from "../../src/runtime/environment.ts";
import { gatherHostFacts } from "../../src/runtime/host-facts.ts";
import { createLauncher } from "../../src/runtime/launcher/create-launcher.ts";
import type { Attachment, Exit, Task } from "../../src/runtime/launcher/launcher.ts";
import { buildContainerPlan, type PlannedLaunch } from "../../src/runtime/plan/container-plan.ts";
import { buildExecPlan } from "../../src/runtime/plan/exec-plan.ts";
import type { ContainerPlanInput, HostFacts, ResourcesSpec, SecuritySpec } from "../../src/runtime/plan/plan-input.ts";
import { busyboxRoot } from "../fixtures/busybox-image.ts";
import { readAll, splitFrames } from "../launcher/box.ts";

export const PLAIN_SECURITY: SecuritySpec = {
  privileged: false,
  capAdd: [],
  capDrop: [],
  securityOptions: [],
  readOnlyRootfs: false,
  groupAdd: [],
  maskedPaths: null,
  readonlyPaths: null,
};

export interface Wanted extends Partial<Omit<ContainerPlanInput, "security" | "resources" | "process">> {
  security?: Partial<SecuritySpec>;
  resources?: Partial<ResourcesSpec>;
  process?: Partial<ContainerPlanInput["process"]>;
}

export interface Outcome {
  exit: Exit;
  stdout: string;
  stderr: string;
  warnings: string[];
}

/** Containers from plans of the real policy, with busybox as their root and no daemon. Everything goes when it is disposed of. */
export interface ContainerBox extends AsyncDisposable {
  dir: string;
  host: HostFacts;
  cgroupParent: string;
  plan(wanted: Wanted, argv: string[]): PlannedLaunch;
  start(
    wanted: Wanted,
    argv: string[],
  ): Promise<{ task: Task; output: Attachment; warnings: string[]; cgroupPath: string }>;
  run(wanted: Wanted, ...argv: string[]): Promise<Outcome>;
  /** `sh -c script`, its output trimmed; standard error after it. */
  sh(wanted: Wanted, script: string): Promise<string>;
  exec(
    container: { task: Task; cgroupPath: string },
    wanted: Wanted & { allCapabilities?: boolean },
    ...argv: string[]
  ): Promise<Outcome>;
}

const ROOT_USER = { uid: 0, gid: 0, groups: [0], home: "/root" };

/** `unified`: use the v2 tree of a hybrid host, which has no controllers but takes device programs and births. */
export async function createContainerBox(options: { unified?: string } = {}): Promise<ContainerBox> {
  const dir = mkdtempSync(join(tmpdir(), "gantry-runtime-test-"));
  const cgroupParent = `/${basename(dir)}`;
  const lower = await busyboxRoot();
  mkdirSync(join(dir, "mnt"));
  const launcher = await createLauncher({
    runDir: join(dir, "run"),
    binaryPath: join(import.meta.dir, "../../build/launcher"),
    logger: silentLogger,
  });
  const gathered = gatherHostFacts(cgroupParent);
  const host: HostFacts =
    options.unified === undefined
      ? gathered
      : { ...gathered, cgroup: { version: 2, root: options.unified, controllers: [], controlFiles: new Set() } };
  const running = new Set<Task>();

  function input(wanted: Wanted, argv: string[], id: string): ContainerPlanInput {
    const process = {
      argv,
      environment: buildEnvironment({ environment: [], hostname: "box", tty: false, home: "/root" }),
      workingDir: "/",
      user: ROOT_USER,
      tty: false,
      consoleSize: [0, 0] as [number, number],
      init: false,
      ...wanted.process,
    };
    for (const name of ["upper", "work"]) mkdirSync(join(dir, id, name), { recursive: true });
    return {
      id,
      host,
      supervise: {
        exitRecordPath: launcher.exitRecordPath(id),
        tty: process.tty,
        stdin: false,
        stdinOnce: false,
        abandonOutput: wanted.namespaces?.pid === "host",
      },
      rootfs: { kind: "overlay", cwd: join(dir, id), data: `lowerdir=${lower},upperdir=upper,workdir=work,volatile` },
      rootMountPoint: join(dir, "mnt"),
      namespaces: { pid: "new", net: "new", ipc: "new", uts: "new", cgroup: "new" },
      hostname: "box",
      domainname: "",
      mounts: [],
      sysctls: {},
      shmSizeBytes: 64 * 1024 * 1024,
      ipc: "own",
      oomScoreAdj: 0,
      cgroupPath: `${cgroupParent}/${id}`,
      ...wanted,
      process,
      security: { ...PLAIN_SECURITY, ...wanted.security },
      resources: { ...NO_LIMITS, ...wanted.resources },
    };
  }

  async function launch(planned: PlannedLaunch, cgroupPath: string, fds: number[] = []) {
    const attach = { stdin: false, stdout: true, stderr: true };
    const { task, attachments } = await launcher.launch({ plan: planned.plan, fds, attachments: [attach] });
    running.add(task);
    void task.exited.then(() => running.delete(task));
    return { task, output: attachments[0] as Attachment, warnings: planned.warnings, cgroupPath };
  }

  async function finish(started: Awaited<ReturnType<typeof launch>>, tty = false): Promise<Outcome> {
    const bytes = await readAll(started.output);
    const exit = await started.task.exited;
    await launcher.forget(started.task.id);
    const streams = tty ? { stdout: bytes.toString("latin1"), stderr: "" } : splitFrames(bytes);
    return { exit, ...streams, warnings: started.warnings };
  }

  const start: ContainerBox["start"] = (wanted, argv) => {
    ensureCgroupParent(host.cgroup, cgroupParent);
    const made = input(wanted, argv, randomId());
    return launch(buildContainerPlan(made), made.cgroupPath);
  };

  return {
    dir,
    host,
    cgroupParent,
    start,
    plan: (wanted, argv) => buildContainerPlan(input(wanted, argv, randomId())),
    run: async (wanted, ...argv) => finish(await start(wanted, argv), wanted.process?.tty),
    async sh(wanted, script) {
      const { stdout, stderr } = await finish(await start(wanted, ["sh", "-c", script]), wanted.process?.tty);
      return `${stdout}${stderr}`.trim();
    },
    async exec({ cgroupPath }, wanted, ...argv) {
      const made = input(wanted, argv, randomId());
      const pidfd = openPidfdOf(cgroupPath);
      try {
        const planned = buildExecPlan({
          ...made,
          pidfd: 0,
          namespaces: ["pid", "net", "ipc", "uts", "cgroup", "mnt"],
          privileged: wanted.allCapabilities ?? false,
          cgroupPath,
        });
        return await finish(await launch(planned, cgroupPath, [pidfd.fd]));
      } finally {
        pidfd.close();
      }
    },
    async [Symbol.asyncDispose]() {
      for (const task of running) await task.signal(9).catch(() => false);
      await Promise.all([...running].map((task) => task.exited));
      launcher.close();
      for (const { cgroup } of new Set([host, gathered])) {
        await killCgroup(cgroup, cgroupParent);
        removeCgroupTree(cgroup, cgroupParent);
      }
      rmSync(dir, { recursive: true, force: true });
    },
  };
  function openPidfdOf(cgroupPath: string) {
    const [pid] = cgroupPids(host.cgroup, cgroupPath);
    const fd = syscall("pidfd_open", cgroupPath, pid ?? 0, 0);
    return { fd, close: () => closeSync(fd) };
  }
}
