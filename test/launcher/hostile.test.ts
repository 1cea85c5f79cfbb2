import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LaunchError } from "../../src/runtime/launcher/launcher.ts";
import { at, type StagedOperation } from "../../src/runtime/plan/launch-plan.ts";
import { type Box, createBox, obstacle } from "./box.ts";

const bind = (source: string, target: string): StagedOperation =>
  at("enter", "mount-bind", { source, target, recursive: false, attributes: {} });

describe.skipIf(obstacle() !== undefined)("a hostile image", () => {
  let box: Box;
  let outside: string;
  beforeAll(async () => {
    box = await createBox();
    outside = join(box.dir, "outside");
    mkdirSync(outside);
    writeFileSync(join(box.dir, "marker"), "marker\n");
  });
  afterAll(() => box[Symbol.asyncDispose]());

  const link = (target: string, path: string) => {
    rmSync(join(box.root, path), { recursive: true, force: true });
    symlinkSync(target, join(box.root, path));
  };
  const codeOf = async (...mounts: StagedOperation[]) =>
    box.run({ argv: ["true"], mounts }).then(
      () => "started",
      (error: LaunchError) => error.code,
    );

  test("a mount target through absolute, relative, chained and dangling links stays in the root", async () => {
    const marker = join(box.dir, "marker");
    for (const target of [outside, `../../../../../../..${outside}`, `/a/../../..${outside}`]) {
      link(target, "link");
      link("/link", "chain");
      for (const path of ["/link/deep/file", "/chain/deep/file", "/chain/../chain/x/../deep/file"]) {
        const { stdout } = await box.run({ argv: ["cat", path], mounts: [bind(marker, path)] });
        expect(stdout).toBe("marker\n");
      }
    }
    expect(readdirSync(outside)).toEqual([]);
  });

  test("a target that is itself a dangling link is made where it points, in the root", async () => {
    link("/made/by/link", "dangling");
    const { stdout } = await box.run({
      argv: ["cat", "/made/by/link"],
      mounts: [bind(join(box.dir, "marker"), "/dangling")],
    });
    expect(stdout).toBe("marker\n");
    expect(existsSync("/made")).toBe(false);
  });

  test("a loop of links is an error, not a hang", async () => {
    link("/loop-b", "loop-a");
    link("/loop-a", "loop-b");
    expect(await codeOf(bind(join(box.dir, "marker"), "/loop-a/x"))).toBe("ELOOP");
  });

  test("a mount over the root itself is refused", async () => {
    link("/", "to-root");
    expect(await codeOf(bind(outside, "/to-root"))).toBe("EINVAL");
  });

  test("/proc that leads elsewhere is refused", async () => {
    link("/etc", "fake-proc");
    const proc = { fstype: "proc", source: "proc", target: "/fake-proc", options: [], attributes: {} };
    expect(await codeOf(at("enter", "mount-fs", proc))).toBe("ELOOP");
  });

  test("a sysctl whose file is not of procfs is refused", async () => {
    const overlaid = [
      at("enter", "mount-fs", { fstype: "tmpfs", source: "tmpfs", target: "/proc/sys", options: [], attributes: {} }),
      at("enter", "sysctl", { key: "kernel.domainname", value: "x" }),
    ];
    expect(await codeOf(...overlaid)).toMatch(/ENOENT|EXDEV/);
    writeFileSync(join(box.dir, "fake"), "");
    expect(
      await codeOf(
        bind(join(box.dir, "fake"), "/proc/sys/kernel/domainname"),
        at("enter", "sysctl", { key: "kernel.domainname", value: "x" }),
      ),
    ).toBe("EXDEV");
    expect(readFileSync(join(box.dir, "fake"), "utf8")).toBe("");
  });

  test("a masked path that is a link is masked in the root, never on the host", async () => {
    link("/proc/version", "etc/masked");
    const { stdout } = await box.run({
      argv: ["sh", "-c", "cat /proc/version; echo end"],
      mounts: [at("enter", "mask-path", { target: "/etc/masked" })],
    });
    expect(stdout).toBe("end\n");
    expect(readFileSync("/proc/version", "utf8")).toContain("Linux");
  });

  test("/dev/pts/ptmx that is not a terminal multiplexer is refused", async () => {
    const terminal = at("enter", "terminal", { rows: 24, columns: 80, console: true, uid: 0 });
    const attempt = (...mounts: StagedOperation[]) =>
      box.run({ argv: ["true"], supervise: { tty: true }, mounts, process: [terminal] }).then(
        () => "started",
        (error: LaunchError) => error.code,
      );
    expect(await attempt(bind("/dev/zero", "/dev/pts/ptmx"))).toBe("ENODEV");
    expect(
      await attempt(
        at("enter", "mount-fs", { fstype: "tmpfs", source: "t", target: "/dev/pts", options: [], attributes: {} }),
      ),
    ).toBe("ENOENT");
  });

  test("/dev/console through a link stays in the root", async () => {
    const { exit } = await box.run({
      argv: ["test", "-c", "/etc/console-target"],
      supervise: { tty: true },
      mounts: [at("enter", "make-symlink", { target: "/dev/console", linkTarget: `/etc/console-target` })],
      process: [at("enter", "terminal", { rows: 24, columns: 80, console: true, uid: 0 })],
    });
    expect(exit.code).toBe(0);
    expect(existsSync("/etc/console-target")).toBe(false);
  });

  test("a working directory that is a descriptor of the launcher is refused", async () => {
    for (let fd = 3; fd < 24; fd++) {
      const code = await box
        .run({ argv: ["pwd"], process: [at("enter", "chdir", { path: `/proc/self/fd/${fd}`, create: false })] })
        .then(
          ({ stdout }) => stdout,
          (error: LaunchError) => error.code,
        );
      expect(["ELOOP", "ENOENT"]).toContain(code);
    }
  });

  test("device nodes and directories are made in the root even where a link leads out", async () => {
    link(outside, "devices");
    const { stdout } = await box.run({
      argv: ["sh", "-c", `stat -c %F:%a ${outside}/node ${outside}/dir`],
      mounts: [
        at("enter", "make-node", {
          target: "/devices/node",
          kind: "c",
          major: 1,
          minor: 3,
          mode: 0o640,
          uid: 0,
          gid: 5,
        }),
        at("enter", "make-dir", { target: "/devices/dir", mode: 0o1777, uid: 1, gid: 1 }),
      ],
    });
    expect(stdout).toBe("character special file:640\ndirectory:1777\n");
    expect(readdirSync(outside)).toEqual([]);
  });

  test("a file is made with its content, mode and owner in the root, and never over anything", async () => {
    link(outside, "files");
    const file = (target: string, uid = 0) =>
      at("enter", "make-file", { target, content: Buffer.from("content\n"), mode: 0o440, uid, gid: 7 });
    const { stdout } = await box.run({
      argv: ["sh", "-c", `cat ${outside}/file; stat -c '%a %u %g' ${outside}/file`],
      mounts: [file("/files/file", 5)],
    });
    expect(stdout).toBe("content\n440 5 7\n");
    expect(readdirSync(outside)).toEqual([]);
    link(join(outside, "none"), "dangling-file");
    for (const target of ["/dangling-file", "/bin/busybox"]) {
      const code = await box.run({ argv: ["true"], mounts: [file(target)] }).catch((error: LaunchError) => error.code);
      expect(code).toBe("EEXIST");
    }
    expect(readdirSync(outside)).toEqual([]);
  });

  test("the launcher is not in reach: its program is sealed, its /proc is closed", async () => {
    writeFileSync(join(box.root, "evil"), "#!/proc/self/exe\n", { mode: 0o755 });
    const result = await box.run({ argv: ["/evil"] }).then(
      ({ exit }) => exit.code,
      (error: LaunchError) => error.code,
    );
    expect(result).not.toBe(0);
    const script = "echo x > /proc/1/exe; cat /proc/1/environ | wc -c";
    const { stdout } = await box.run({ argv: ["sh", "-c", script], process: [at("enter", "init", {})] });
    expect(stdout).toBe("0\n");
  });
});
