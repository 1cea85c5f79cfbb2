import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import type { ContainerSpec, MountSpec } from "../../src/containers/container-spec.ts";
import { runProgram } from "../../src/kernel/run-program.ts";
import { until } from "../harness/until.ts";
import { readAll, splitFrames } from "../launcher/box.ts";
import { containerSpec } from "./spec.ts";
import { openTestContainers, removeTerritory, type TestContainers } from "./territory.ts";

const directory = mkdtempSync(`${tmpdir()}/gantry-mounts-`);
let system: TestContainers;

beforeAll(async () => {
  system = await openTestContainers(directory);
  await system.containers.recover();
});
afterAll(() => removeTerritory(directory, system));
afterEach(async () => {
  for (const { id } of await system.containers.list({ all: true, limit: 0, size: false, filters: {} })) {
    await system.containers.remove(id, { force: true, volumes: true, link: false });
  }
});

const never = new AbortController().signal;

async function start(script: string, changes: Partial<ContainerSpec> = {}): Promise<string> {
  const { id } = await system.containers.create(containerSpec(["sh", "-c", script], changes));
  await system.containers.start(id);
  return id;
}

/** The standard output of a script in a container of its own, or the text of the error that kept it from starting. */
async function outcome(script: string, changes: Partial<ContainerSpec> = {}): Promise<string> {
  const { id } = await system.containers.create(containerSpec(["sh", "-c", script], changes));
  const attachment = await system.containers.attach(id, { stdin: false, stdout: true, stderr: false });
  const reading = readAll(attachment);
  try {
    await system.containers.start(id);
  } catch (error) {
    return (error as Error).message;
  }
  return splitFrames(await reading).stdout.trim();
}

async function waitsUntilReady(id: string, file: string): Promise<void> {
  const { upper } = (await system.containers.get(id)).snapshotDirs;
  await until("the container is ready", async () => await Bun.file(`${upper}${file}`).exists());
}

const namespaces = (ipc: string): ContainerSpec["namespaces"] => ({ pid: "", ipc, uts: "", user: "", cgroup: "" });

describe("--ipc container:x", () => {
  const donor = "echo shared > /dev/shm/word; touch /ready; sleep 600";

  test("shares /dev/shm and the IPC namespace both ways", async () => {
    const id = await start(donor, { name: "donor", namespaces: namespaces("shareable") });
    await waitsUntilReady(id, "/ready");
    const joined = { namespaces: namespaces("container:donor") };
    expect(await outcome("cat /dev/shm/word; echo back > /dev/shm/answer; readlink /proc/self/ns/ipc", joined)).toMatch(
      /^shared\nipc:\[\d+\]$/,
    );
    expect(await outcome("cat /dev/shm/answer", joined)).toBe("back");
  });

  test("with its own attributes and nothing else of the donor", async () => {
    await waitsUntilReady(await start(donor, { name: "donor", namespaces: namespaces("shareable") }), "/ready");
    const joined = { namespaces: namespaces("container:donor") };
    expect(await outcome("grep ' /dev/shm ' /proc/mounts; test -e /ready || echo own root", joined)).toMatch(
      /^shm \/dev\/shm tmpfs rw,nosuid,nodev,noexec,relatime,size=65536k.*\nown root$/,
    );
  });

  test("is refused where the donor does not share, as with the default", async () => {
    for (const mode of ["", "private", "none"]) {
      const id = await start("sleep 600", { namespaces: namespaces(mode) });
      expect(await outcome("true", { namespaces: namespaces(`container:${id}`) })).toContain(
        "non-shareable IPC (hint: use IpcMode:shareable for the donor container)",
      );
    }
  });

  test("of one that shares itself with a third", async () => {
    await waitsUntilReady(await start(donor, { name: "first", namespaces: namespaces("shareable") }), "/ready");
    await start("sleep 600", { name: "second", namespaces: namespaces("container:first") });
    expect(await outcome("cat /dev/shm/word", { namespaces: namespaces("container:second") })).toBe("shared");
  });
});

describe("a volume's subpath", () => {
  const mount = (subpath: string, readOnly = false): Partial<ContainerSpec> => ({
    mounts: [
      {
        type: "volume",
        source: "parts",
        driver: "",
        driverOptions: {},
        labels: {},
        noCopy: false,
        subpath,
        destination: "/part",
        readOnly,
        from: "mounts",
        mode: "",
      },
    ],
  });

  let root: string;
  beforeAll(async () => {
    const spec = { name: "parts", driver: "local", labels: {}, options: {} };
    root = (await system.volumes.create(spec)).mountpoint;
    mkdirSync(`${root}/a/b`, { recursive: true });
    writeFileSync(`${root}/a/b/file`, "deep\n");
    symlinkSync("a/b", `${root}/inside`);
    symlinkSync("../../..", `${root}/outside`);
    symlinkSync("/etc", `${root}/absolute`);
  });

  test.each([
    ["a/b", "deep"],
    ["a/./b/../b/", "deep"],
    ["inside", "deep"],
  ])("%s is mounted alone", async (subpath, expected) => {
    expect(await outcome("cat /part/file; ls /part | wc -l", mount(subpath))).toBe(`${expected}\n1`);
  });

  test("may be a file, and read-only", async () => {
    expect(await outcome("cat /part; echo x > /part || echo refused", mount("a/b/file", true))).toBe("deep\nrefused");
  });

  test("that is not there is Docker's error", async () => {
    expect(await outcome("true", mount("a/none"))).toBe(
      `cannot access path ${root}/a/none: lstat ${root}/a/none: no such file or directory`,
    );
  });

  test("never leaves the volume", async () => {
    for (const subpath of ["outside", "absolute", "outside/etc"]) {
      expect(await outcome("ls /part", mount(subpath))).toContain("path concatenation escapes the base directory");
    }
    const message = await system.containers.create(containerSpec(["true"], mount("../.."))).then(
      () => "created",
      (error: Error) => error.message,
    );
    expect(message).toContain("subpath must be a relative path within the volume");
  });
});

describe("a volume of the local driver with a mount of its own", () => {
  const volume = async (name: string, options: Record<string, string>) => {
    await system.volumes.create({ name, driver: "local", labels: {}, options });
    const none = { driver: "", driverOptions: {}, labels: {}, noCopy: false, from: "mounts" as const, mode: "" };
    return (more: { subpath?: string; readOnly?: boolean } = {}): Partial<ContainerSpec> => ({
      mounts: [{ type: "volume", source: name, ...none, destination: "/vol", subpath: "", readOnly: false, ...more }],
    });
  };

  test("tmpfs, with its options", async () => {
    const use = await volume("in-memory", { type: "tmpfs", device: "tmpfs", o: "size=1m,mode=0700,nosuid" });
    const show = "grep ' /vol ' /proc/mounts";
    expect(await outcome(show, use())).toBe("tmpfs /vol tmpfs rw,nosuid,relatime,size=1024k,mode=700 0 0");
    expect(await outcome(show, use({ readOnly: true }))).toStartWith("tmpfs /vol tmpfs ro,nosuid,relatime");
  });

  test("a bind of a host directory, or of a part of it", async () => {
    const device = `${directory}/exported`;
    mkdirSync(`${device}/part`, { recursive: true });
    writeFileSync(`${device}/part/file`, "of the host\n");
    const use = await volume("exported", { type: "none", device, o: "bind" });
    expect(await outcome("cat /vol/part/file; echo back > /vol/answer", use())).toBe("of the host");
    expect(readFileSync(`${device}/answer`, "utf8")).toBe("back\n");
    expect(await outcome("ls /vol; touch /vol/x || echo refused", use({ subpath: "part", readOnly: true }))).toBe(
      "file\nrefused",
    );
  });

  test("what cannot be mounted is Docker's error, without the password", async () => {
    const missing = await volume("missing", { type: "none", device: `${directory}/nowhere`, o: "bind" });
    const { mountpoint } = await system.volumes.get("missing");
    expect(await outcome("true", missing())).toBe(
      `error while mounting volume '${mountpoint}': failed to mount local volume: ` +
        `mount ${directory}/nowhere:${mountpoint}, flags: 0x1000: no such file or directory`,
    );
    const remote = await volume("remote", { type: "nosuchfs", device: "//host/share", o: "password=secret,vers=3" });
    const text = await outcome("true", remote());
    expect(text).toContain("data: password=********,vers=3: no such device");
    expect(text).not.toContain("secret");
  });
});

describe("mount propagation", () => {
  const source = `${directory}/spread`;
  beforeAll(async () => {
    mkdirSync(source);
    await runProgram(["mount", "-t", "tmpfs", "spread", source]);
  });
  afterAll(() => runProgram(["umount", "-R", source]));

  const bind = (propagation: string): Partial<ContainerSpec> => {
    const flags = { createSource: false, nonRecursive: false, readOnlyNonRecursive: false };
    const mount: MountSpec = {
      type: "bind",
      source,
      propagation,
      ...flags,
      readOnlyForceRecursive: false,
      destination: "/spread",
      readOnly: false,
      from: "binds",
      mode: propagation,
    };
    const security = { ...containerSpec([]).security, privileged: true };
    return { mounts: [mount], security };
  };
  const mounted = () => readFileSync("/proc/self/mountinfo", "utf8").includes(`${source}/inner `);

  test("needs a source that is mounted so", async () => {
    await runProgram(["mount", "--make-private", source]);
    expect(await outcome("true", bind("rshared"))).toBe(
      `path ${source} is mounted on ${source} but it is not a shared mount`,
    );
    expect(await outcome("true", bind("slave"))).toBe(
      `path ${source} is mounted on ${source} but it is not a shared or slave mount`,
    );
  });

  test("rshared: mounts of the container reach the host, and stay when it ends", async () => {
    await runProgram(["mount", "--make-shared", source]);
    const script =
      "mkdir /spread/inner && mount -t tmpfs x /spread/inner && grep -c ' / / .*shared:' /proc/self/mountinfo";
    expect(await outcome(script, bind("rshared"))).toBe("1");
    expect(mounted()).toBe(true);
    await runProgram(["umount", `${source}/inner`]);
  });

  test("rslave: mounts of the host reach the container, none come back", async () => {
    await runProgram(["mount", "--make-shared", source]);
    mkdirSync(`${source}/inner`, { recursive: true });
    const script =
      "mkdir -p /spread/own; mount -t tmpfs x /spread/own; until test -e /spread/inner/seen; do sleep 0.02; done";
    const id = await start(script, bind("rslave"));
    await runProgram(["mount", "-t", "tmpfs", "inner", `${source}/inner`]);
    writeFileSync(`${source}/inner/seen`, "");
    const { result } = system.containers.wait(id, "not-running", never);
    expect(await result).toEqual({ code: 0 });
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(`${source}/own `);
    await runProgram(["umount", `${source}/inner`]);
  });

  test("rprivate: neither", async () => {
    await runProgram(["mount", "--make-shared", source]);
    await outcome("mkdir -p /spread/inner; mount -t tmpfs x /spread/inner", bind("rprivate"));
    expect(mounted()).toBe(false);
  });
});
