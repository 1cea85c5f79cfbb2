import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openPidfd, readStartTicks } from "../../src/kernel/process.ts";
import { LaunchError } from "../../src/runtime/launcher/launcher.ts";
import { at, type StagedOperation } from "../../src/runtime/plan/launch-plan.ts";
import { type Box, createBox, OUTPUT, obstacle, parseLog, readAll, splitFrames } from "./box.ts";

const DEFAULT_CAPABILITIES = 0xa80425fbn;

describe.skipIf(obstacle() !== undefined)("tasks", () => {
  let box: Box;
  beforeAll(async () => {
    box = await createBox();
  });
  afterAll(() => box[Symbol.asyncDispose]());

  const failure = async (...mounts: StagedOperation[]) =>
    box.run({ argv: ["true"], mounts }).then(
      () => undefined,
      (error: unknown) => error as LaunchError,
    );

  test("the exit status is the program's", async () => {
    for (const code of [0, 1, 7, 255]) {
      const { exit } = await box.run({ argv: ["sh", "-c", `exit ${code}`] });
      expect(exit).toMatchObject({ code, signal: 0, oomKilled: false });
    }
  });

  test("a signal is 128 and its number", async () => {
    const { task } = await box.start({ argv: ["sleep", "100"] });
    expect(await task.signal(9)).toBe(true);
    expect(await task.exited).toMatchObject({ code: 137, signal: 9 });
    expect(await task.signal(9)).toBe(false);
  });

  test("a first process that ignores SIGTERM by default lives on, with init it ends", async () => {
    const { task } = await box.start({ argv: ["sleep", "100"], process: [at("enter", "init", {})] });
    expect(await task.signal(15)).toBe(true);
    expect(await task.exited).toMatchObject({ code: 143, signal: 0 });
  });

  test("init is pid 1, reaps orphans and passes the status on", async () => {
    const script = "cat /proc/1/comm; echo $$; (sleep 0.01 & ) ; sleep 0.1; ps -o stat | grep -c Z; exit 5";
    const { exit, stdout } = await box.run({ argv: ["sh", "-c", script], process: [at("enter", "init", {})] });
    expect(exit.code).toBe(5);
    expect(stdout).toBe("docker-init\n2\n0\n");
  });

  test("output comes as stdcopy frames and as log lines", async () => {
    const { stdout, stderr, log } = await box.run({ argv: ["sh", "-c", "echo out; echo err >&2; printf tail"] });
    expect({ stdout, stderr }).toEqual({ stdout: "out\ntail", stderr: "err\n" });
    expect(parseLog(log).map(({ log, stream }) => [stream, log])).toEqual([
      ["stdout", "out\n"],
      ["stderr", "err\n"],
      ["stdout", "tail"],
    ]);
    expect(parseLog(log)[0]?.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
  });

  test("the program sees its own namespaces, hostname and pid 1", async () => {
    const { stdout } = await box.run({
      argv: ["sh", "-c", "hostname; echo $$; ls /sys; ls /proc | grep -c '^[0-9]'"],
      mounts: [at("enter", "hostname", { name: "box" })],
    });
    expect(stdout).toBe("box\n1\n3\n");
  });

  test("only 0, 1 and 2 are open in the program, and none leads to the host", async () => {
    const { stdout } = await box.run({ argv: ["sh", "-c", "for f in /proc/self/fd/*; do readlink $f; done; true"] });
    const targets = stdout.trim().split("\n");
    expect(targets[0]).toBe("/dev/null");
    expect(targets.slice(1).every((target) => /^pipe:|^\/proc\//.test(target))).toBe(true);
    expect(targets.length).toBeLessThanOrEqual(4);
  });

  test("capabilities, user, groups, umask and no_new_privs are as planned", async () => {
    const { stdout } = await box.run({
      argv: ["sh", "-c", "id -u; id -g; id -G; umask; grep -E 'Cap|NoNewPrivs' /proc/self/status"],
      process: [
        at("enter", "no-new-privileges", {}),
        at("enter", "credentials", { uid: 1000, gid: 100, groups: [4, 5], umask: 0o027 }),
        at("enter", "capabilities", {
          bounding: DEFAULT_CAPABILITIES,
          permitted: DEFAULT_CAPABILITIES,
          effective: DEFAULT_CAPABILITIES,
          inheritable: 0n,
          ambient: 0n,
        }),
      ],
    });
    const none = "0".repeat(16);
    expect(stdout.split("\n")).toEqual([
      "1000",
      "100",
      "100 4 5",
      "0027",
      `CapInh:\t${none}`,
      `CapPrm:\t${none}`,
      `CapEff:\t${none}`,
      "CapBnd:\t00000000a80425fb",
      `CapAmb:\t${none}`,
      "NoNewPrivs:\t1",
      "",
    ]);
  });

  test("capabilities may come before the user; ambient ones survive for him", async () => {
    const netBind = 1n << 10n;
    const { stdout } = await box.run({
      argv: ["sh", "-c", "id -u; grep -E 'CapEff|CapBnd' /proc/self/status"],
      process: [
        at("enter", "capabilities", {
          bounding: netBind,
          permitted: netBind,
          effective: netBind,
          inheritable: netBind,
          ambient: netBind,
        }),
        at("enter", "credentials", { uid: 7, gid: 7, groups: [] }),
      ],
    });
    expect(stdout).toBe("7\nCapEff:\t0000000000000400\nCapBnd:\t0000000000000400\n");
  });

  test("limits and oom score are set; an optional one that is refused does not matter", async () => {
    const { stdout } = await box.run({
      argv: ["sh", "-c", "ulimit -n; cat /proc/self/oom_score_adj"],
      process: [
        at("enter", "rlimit", { resource: "nofile", soft: 64n, hard: 64n }),
        at("enter", "rlimit", {
          resource: "nproc",
          soft: 0xffff_ffff_ffff_ffffn,
          hard: 0xffff_ffff_ffff_ffffn,
          optional: true,
        }),
        at("enter", "oom-score-adj", { value: 500 }),
        at("enter", "oom-score-adj", { value: -1000, optional: true }),
      ],
    });
    expect(stdout).toMatch(/^64\n(500|-1000)\n$/);
  });

  test("a program that is not there is told from one that cannot run", async () => {
    const attempt = (argv: string[], env = ["PATH=/bin"]) =>
      box.run({ argv, env }).then(
        () => undefined,
        (error: LaunchError) => [error.operation?.op, error.code, error.message],
      );
    expect(await attempt(["nope"])).toEqual(["exec", "ENOENT", "lookup nope"]);
    expect(await attempt(["true"], [])).toEqual(["exec", "ENOENT", "lookup true"]);
    expect(await attempt(["/bin/nope"])).toEqual(["exec", "ENOENT", "stat /bin/nope"]);
    expect(await attempt(["/etc"])).toEqual(["exec", "EISDIR", "stat /etc"]);
    expect(await attempt(["/proc/version"])).toEqual(["exec", "EACCES", "stat /proc/version"]);
  });

  test("a failed launch names the operation, runs the cleanup and leaves nothing", async () => {
    const marker = join(box.dir, "cleanup-marker");
    mkdirSync(marker);
    const error = await box
      .run({
        argv: ["true"],
        mounts: [
          at("enter", "mount-bind", { source: "/proc/nonexistent", target: "/x", recursive: false, attributes: {} }),
        ],
        cleanup: [at("cleanup", "rmdir", { path: marker })],
      })
      .then(
        () => undefined,
        (thrown: unknown) => thrown as LaunchError,
      );
    expect(error).toBeInstanceOf(LaunchError);
    expect(error?.operation?.op).toBe("mount-bind");
    expect(error?.code).toBe("ENOENT");
    expect(existsSync(marker)).toBe(false);
  });

  test("the kernel's own words come with a failed mount", async () => {
    const options = ["nosuchoption=1"];
    const error = await failure(
      at("enter", "mount-fs", { fstype: "tmpfs", source: "tmpfs", target: "/x", options, attributes: {} }),
    );
    expect(error?.code).toBe("EINVAL");
    expect(error?.message).toContain("nosuchoption");
  });

  test("read-only, masked and hidden paths", async () => {
    const { stdout } = await box.run({
      argv: [
        "sh",
        "-c",
        "touch /proc/sys/x /etc/x 2>&1 | grep -c Read-only; cat /etc/secret; ls /tmp; touch /tmp/x 2>&1; cat /etc/gone; true",
      ],
      mounts: [
        at("enter", "readonly-path", { target: "/proc/sys" }),
        at("enter", "mount-bind", { source: "/proc/version", target: "/etc/secret", recursive: false, attributes: {} }),
        at("enter", "mask-path", { target: "/etc/secret" }),
        at("enter", "mask-path", { target: "/tmp" }),
        at("enter", "mask-path", { target: "/nonexistent" }),
        at("enter", "readonly-path", { target: "/nonexistent" }),
      ],
      process: [at("enter", "root-attributes", { attributes: { readOnly: true } })],
    });
    expect(stdout).toBe("1\ntouch: /tmp/x: Read-only file system\n");
  });

  test("exec joins the namespaces by pidfd and is reported by its host pid", async () => {
    const { task } = await box.start({
      argv: ["sleep", "100"],
      mounts: [at("enter", "hostname", { name: "joined" })],
    });
    const pidfd = openPidfd(task);
    expect(pidfd).toBeDefined();
    const id = "e".repeat(64);
    const supervise = { ...box.plan(id, { argv: [] }).supervise, abandonOutput: true };
    const launched = await box.launcher.launch({
      plan: {
        id,
        supervise,
        operations: [
          at("clone", "clone", { namespaces: [] }),
          at("enter", "await-attend", {}),
          at("enter", "setns", { fd: 0, namespaces: ["pid", "net", "ipc", "uts", "mnt"] }),
          at("enter", "enter-pid-namespace", {}),
          at("enter", "chdir", { path: "/etc", create: false }),
          at("enter", "exec", {
            argv: ["sh", "-c", "hostname; pwd; echo $PPID; cat /proc/1/comm; sleep 0.2; exit 3"],
            env: ["PATH=/bin"],
          }),
        ],
      },
      fds: [pidfd as number],
      attachments: [OUTPUT],
    });
    expect(readStartTicks(launched.task.pid)).toBe(launched.task.startTicks);
    expect(readFileSync(`/proc/${launched.task.pid}/comm`, "utf8")).toBe("sh\n");
    const output = launched.attachments[0];
    expect(splitFrames(await readAll(output as NonNullable<typeof output>)).stdout).toBe("joined\n/etc\n0\nsleep\n");
    expect((await launched.task.exited).code).toBe(3);
    await task.signal(9);
    await task.exited;
  });

  test("an exit record stays until it is forgotten", async () => {
    const { id, task } = await box.start({ argv: ["sh", "-c", "exit 9"] });
    await task.exited;
    expect(await box.launcher.list()).toContain(id);
    expect(await box.launcher.adopt(id)).toMatchObject({ state: "exited", exit: { code: 9 } });
    await box.launcher.forget(id);
    expect(await box.launcher.list()).not.toContain(id);
    expect(await box.launcher.adopt(id)).toEqual({ state: "unknown" });
  });
});
