import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { type Box, openBox } from "../container-files/box.ts";
import { compressWith, makeTar } from "../container-files/tar.ts";
import { cached, program } from "../fixtures/build-cache.ts";
import { until } from "../harness/until.ts";
import { loadHostileImage, loadProbeImage } from "./hostile-image.ts";

/** Files go in and out of containers that do not want it to end well. */
let box: Box;
let outside: string;

/** How long names are swapped while files are copied; GANTRY_ATTACK_SECONDS=60 is the whole of case 23. */
const SWAPPING_MS = Number(process.env["GANTRY_ATTACK_SECONDS"] ?? 3) * 1000;
const SECRET = "secret of the host";

beforeAll(async () => {
  box = await openBox();
  await loadProbeImage(box.daemon);
  outside = join(box.daemon.directory, "outside");
  mkdirSync(outside);
  writeFileSync(join(outside, "f"), SECRET);
}, 60_000);
afterEach(() => box?.daemon.removeContainers());
afterAll(() => box?.daemon[Symbol.asyncDispose](), 60_000);

/** Leads from anywhere to the host's directory, for whoever resolves it against the host's root. */
const wayOut = () => `../../../../../../../../../../..${outside}`;

/** A container that exchanges `a` and `b` of its /shared for as long as it lives. */
async function swapper(bind: string, prepare: string, [a, b]: [string, string]): Promise<string> {
  const script = `cd /shared && ${prepare} && exec /probe swap ${a} ${b} 600000`;
  const id = await box.api.start({
    Image: "probe",
    Cmd: ["sh", "-c", script],
    HostConfig: { Binds: [`${bind}:/shared`], NetworkMode: "none" },
  });
  await until("it swaps", async () => (await box.api.logs(id)).stdout.includes("ready"));
  return id;
}

const outsideIsUntouched = () => {
  expect(readdirSync(outside)).toEqual(["f"]);
  expect(readFileSync(join(outside, "f"), "utf8")).toBe(SECRET);
};

/** Does `once` again and again, and says how often it went well. */
async function repeatedly(once: () => Promise<boolean>): Promise<number> {
  let well = 0;
  for (const end = performance.now() + SWAPPING_MS; performance.now() < end; ) if (await once()) well++;
  return well;
}

test.each(["running", "stopped"])(
  "attack 23: a parent that is swapped for a link while files are copied, %s container",
  async (state) => {
    const prepare = `rm -rf real link; mkdir real; echo inside > real/f; ln -s ${wayOut()} link`;
    const running = await swapper("swapped", prepare, ["real", "link"]);
    const HostConfig = { Binds: ["swapped:/shared"] };
    const id = state === "running" ? running : await box.api.create({ Image: "probe", Cmd: ["true"], HostConfig });
    const planted = makeTar([
      { name: "planted", content: "x" },
      { name: "sub/", type: "directory" },
      { name: "sub/planted", content: "x" },
    ]);
    let written = 0;
    const read = await repeatedly(async () => {
      const [file, tree, all, put] = await Promise.all([
        box.read(id, "/shared/real/f").catch(() => undefined),
        box.read(id, "/shared/real/").catch(() => undefined),
        box.read(id, "/shared").catch(() => undefined),
        box.write(id, "/shared/real", planted),
      ]);
      for (const members of [file?.members, tree?.members, all?.members]) {
        for (const { content } of members?.values() ?? []) expect(content.toString()).not.toContain(SECRET);
      }
      if (put.status === 200) written++;
      outsideIsUntouched();
      return file?.members.get("f")?.content.toString() === "inside\n";
    });
    expect(read).toBeGreaterThan(0);
    expect(written).toBeGreaterThan(0);
  },
  SWAPPING_MS + 60_000,
);

test(
  "attack 23: directories of the user's that a container swaps while a tree is copied out",
  async () => {
    const shared = join(box.daemon.directory, "shared");
    mkdirSync(shared);
    await swapper(shared, `mkdir -p tree/sub; ln -s ${outside} tree/link`, ["tree/sub", "tree/link"]);
    const id = await box.running("mkdir -p /tree/sub; echo x > /tree/sub/planted; echo x > /tree/f");
    let refused = 0;
    const copied = await repeatedly(async () => {
      const { code, stderr } = await box.daemon.gantry(["cp", `${id}:/tree`, shared]);
      if (code !== 0) refused++;
      if (code !== 0)
        expect(stderr).toMatch(/refusing to write through it|cannot overwrite non-directory|ENOENT|ENOTDIR/);
      outsideIsUntouched();
      return code === 0;
    });
    expect(copied + refused).toBeGreaterThan(3);
  },
  SWAPPING_MS + 60_000,
);

/** What an engine may call by name while it handles an archive or looks up a user. */
const TOOLS = "xz unxz gzip gunzip pigz unpigz igzip bzip2 bunzip2 lbzip2 zstd unzstd tar cp getent id".split(" ");
const LIBRARIES = ["libnss_files.so.2", "libnss_compat.so.2", "libnss_dns.so.2", "libnss_systemd.so.2", "liblzma.so.5"];
const LIBRARY_SOURCE = `#include <fcntl.h>
__attribute__((constructor)) static void loaded(void) { open("/pwned", O_CREAT | O_WRONLY, 0644); }
`;

/** A shared library that leaves a mark in whatever root it is loaded. */
function hostileLibrary(): Promise<string> {
  return cached("hostile-library", async (path) => {
    const source = `${path}.c`;
    writeFileSync(source, LIBRARY_SOURCE);
    await program(["gcc", "-shared", "-fPIC", "-o", path, source]);
  });
}

test("attack 24: no program and no library of the container runs for an archive, whatever it is compressed with", async () => {
  await loadHostileImage(box.daemon, {
    tag: "tools:latest",
    files: async (directory) => {
      for (const folder of ["usr/bin", "usr/local/bin", "usr/sbin"]) {
        for (const tool of TOOLS) {
          const path = join(directory, folder, tool);
          mkdirSync(dirname(path), { recursive: true });
          writeFileSync(path, "#!/bin/busybox sh\necho $0 >> /pwned\nexec /bin/busybox cat\n");
          chmodSync(path, 0o755);
        }
      }
      for (const folder of ["lib", "lib64", "usr/lib", "lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"]) {
        mkdirSync(join(directory, folder), { recursive: true });
        for (const name of LIBRARIES) copyFileSync(await hostileLibrary(), join(directory, folder, name));
      }
    },
  });
  const archive = makeTar([{ name: "packed", content: "content", uid: 1234, gid: 4321 }]);
  const container = { Image: "tools", User: "www-data" };
  const sleeping = { ...container, Cmd: ["/bin/busybox", "sleep", "1000"] };
  const ids = [await box.api.start(sleeping), await box.api.create(sleeping)];
  for (const id of ids) {
    for (const compressor of ["gzip", "bzip2", "xz", "zstd"]) {
      const packed = compressWith(compressor, archive);
      expect(await box.write(id, "/tmp", packed, "&copyUIDGID=1")).toEqual({ status: 200, message: "" });
    }
    expect((await box.read(id, "/tmp")).members.get("tmp/packed")?.content.toString()).toBe("content");
    await (await box.daemon.request(`/containers/${id}/export`)).arrayBuffer();
    expect((await box.api.call("POST", `/commit?container=${id}`)).status).toBe(201);
    expect(await box.stat(id, "/pwned")).toBe(404);
    expect(await box.changes(id)).not.toContain("A /pwned");
  }
  expect(existsSync("/pwned")).toBe(false);
  // The bait works: who runs it in the container is marked.
  await box.api.exec(ids[0] as string, ["xz"], { User: "0" });
  expect(await box.stat(ids[0] as string, "/pwned")).toMatchObject({ name: "pwned" });
}, 60_000);

test(
  "attack 25: a volume's mount point that is swapped for a link while files are copied",
  async () => {
    const prepare = `rm -rf real link; mkdir -p real/deep; ln -s ${wayOut()} link`;
    await swapper("targets", prepare, ["real", "link"]);
    const Binds = ["targets:/shared", "inner:/shared/real/deep/volume", "inner:/shared/real/new/place"];
    const id = await box.api.create({ Image: "probe", Cmd: ["true"], HostConfig: { Binds } });
    const archive = makeTar([{ name: "planted", content: "x" }]);
    const well = await repeatedly(async () => {
      const put = await box.write(id, "/shared/real/deep/volume", archive);
      const got = await box.read(id, "/shared/real").catch(() => undefined);
      outsideIsUntouched();
      // Outside is in there, too: nothing of this daemon's is mounted on the host.
      expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(box.daemon.directory);
      return put.status === 200 && got !== undefined;
    });
    expect(well).toBeGreaterThan(0);
    expect(existsSync("/shared")).toBe(false);
  },
  SWAPPING_MS + 60_000,
);

test("attack 26: a bind below an absolute link of the image is where the link leads in the container", async () => {
  await loadHostileImage(box.daemon, {
    tag: "linked:latest",
    files: (directory) => {
      for (const name of ["run", "var"]) mkdirSync(join(directory, name));
      symlinkSync("/run", join(directory, "var/run"));
    },
  });
  const before = readdirSync("/run").join();
  const HostConfig = { Binds: ["below:/var/run/app/data"] };
  const id = await box.running("echo inside > /run/app/data/f", { Image: "linked", HostConfig });
  const look = async () => {
    const archive = makeTar([{ name: "new", content: "new" }]);
    expect(await box.write(id, "/var/run/app/data", archive)).toEqual({ status: 200, message: "" });
    for (const path of ["/var/run/app", "/run/app"]) {
      const { members } = await box.read(id, path);
      expect(members.get("app/data/f")?.content.toString()).toBe("inside\n");
      expect(members.get("app/data/new")?.content.toString()).toBe("new");
    }
    expect(await box.stat(id, "/var/run/app/data/f")).toMatchObject({ name: "f", size: 7 });
    expect(await box.stat(id, "/var/run")).toMatchObject({ linkTarget: "/run" });
  };
  await look();
  await box.api.call("POST", `/containers/${id}/stop?t=1`);
  await look();
  expect(readdirSync("/run").join()).toBe(before);
});

/** struct vfs_cap_data, revision 2: CAP_NET_BIND_SERVICE. */
const CAPABILITY = Buffer.from("0100000200040000000000000000000000000000", "hex");

test.each(["running", "stopped"])(
  "attack 27: nodes, owners and attributes of a %s container are kept",
  async (state) => {
    const id = await box.running("mkdir /to");
    if (state === "stopped") await box.api.call("POST", `/containers/${id}/stop?t=1`);
    const modifiedAt = { seconds: 1_234_567_890n, nanoseconds: 123_456_789 };
    const xattrs = [
      { name: Buffer.from("security.capability"), value: CAPABILITY },
      { name: Buffer.from("user.colour"), value: Buffer.from([0, 1, 255]) },
    ];
    const members = [
      { name: "d/", type: "directory", mode: 0o2770, uid: 7, gid: 8, modifiedAt },
      { name: "d/block", type: "block", mode: 0o660, deviceMajor: 8, deviceMinor: 300, modifiedAt },
      { name: "d/char", type: "character", mode: 0o666, deviceMajor: 1, deviceMinor: 3, gid: 5, modifiedAt },
      { name: "d/link", type: "symlink", linkName: "/etc/shadow", mode: 0o777, uid: 9, modifiedAt },
      { name: `d/${"n".repeat(200)}`, content: "long", mode: 0o600, modifiedAt },
      { name: "d/pipe", type: "fifo", mode: 0o622, modifiedAt },
      { name: "d/program", content: "x", mode: 0o6755, uid: 1000, gid: 70_000, modifiedAt, xattrs },
      { name: "d/twin", type: "hardlink", linkName: "d/program", mode: 0o6755, uid: 1000, gid: 70_000, modifiedAt },
    ] as const;
    expect(await box.write(id, "/to", makeTar([...members]))).toEqual({ status: 200, message: "" });
    const read = (await box.read(id, "/to/d")).members;
    expect([...read.keys()].sort()).toEqual(members.map(({ name }) => name).sort());
    for (const { name, ...expected } of members) {
      const entry = read.get(name)?.entry;
      const { mode, uid, gid } = { uid: 0, gid: 0, ...expected };
      expect({ name, ...entry }).toMatchObject({ name: entry?.name as never, mode, uid, gid, modifiedAt });
      if ("deviceMajor" in expected)
        expect(entry).toMatchObject({
          type: expected.type,
          deviceMajor: expected.deviceMajor,
          deviceMinor: expected.deviceMinor,
        });
    }
    const sorted = [...(read.get("d/program")?.entry.xattrs ?? [])].sort((a, b) => Buffer.compare(a.name, b.name));
    expect(sorted).toEqual(xattrs);
    expect(read.get("d/twin")?.entry).toMatchObject({ type: "hardlink", linkName: Buffer.from("d/program") });
  },
);

test("attack 27: copyUIDGID gives what is copied to the container's user, without it owners are as in the archive", async () => {
  const id = await box.running("mkdir /to", { User: "www-data" });
  const archive = makeTar([{ name: "a/b", content: "x", uid: 1000, gid: 1000 }]);
  const owners = async () =>
    (await box.api.exec(id, ["stat", "-c", "%u:%g", "/to/a", "/to/a/b"], { User: "0" })).stdout.trim().split("\n");
  await box.write(id, "/to", archive);
  expect(await owners()).toEqual(["0:0", "1000:1000"]);
  await box.api.exec(id, ["rm", "-r", "/to/a"], { User: "0" });
  await box.write(id, "/to", archive, "&copyUIDGID=true");
  expect(await owners()).toEqual(["33:33", "33:33"]);
});

test("what the kernel shows of itself is neither read nor written, wherever a link leads", async () => {
  const id = await box.running(
    "ln -s /proc/self/root /root-link; ln -s /proc/1/root /other; ln -s /proc/sys/kernel /k",
    {
      HostConfig: { Privileged: true, PidMode: "host" },
    },
  );
  const pattern = readFileSync("/proc/sys/kernel/core_pattern", "utf8");
  const archive = makeTar([{ name: "core_pattern", content: "|/evil" }]);
  for (const path of ["/k", "/proc/sys/kernel", "/root-link/etc", "/other", "/sys/kernel"]) {
    expect((await box.write(id, path, archive)).status).toBeGreaterThanOrEqual(400);
    expect(await box.stat(id, `${path}/`)).toBeGreaterThanOrEqual(400);
  }
  expect(
    (await box.write(id, "/", makeTar([{ name: "proc/sys/kernel/core_pattern", content: "|/evil" }]))).status,
  ).toBe(403);
  expect(readFileSync("/proc/sys/kernel/core_pattern", "utf8")).toBe(pattern);
  expect([...(await box.read(id, "/")).members.keys()].filter((name) => /^\/(proc|sys)\/./.test(name))).toEqual([]);
});

test("nothing is left when every container is removed", async () => {
  expect(await box.daemon.leakCheck()).toEqual([]);
});
