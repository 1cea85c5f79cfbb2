import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setXattr } from "../../src/kernel/xattr.ts";
import { loadHostileImage } from "../attacks/hostile-image.ts";
import { type Box, openBox } from "./box.ts";
import { readTar } from "./tar.ts";

/** `docker diff` and `docker export`: what a container made of its image. */
let box: Box;
beforeAll(async () => {
  box = await openBox();
  await loadHostileImage(box.daemon, {
    tag: "tree:latest",
    files: (directory) => {
      for (const name of ["data/full/deep", "data/other", "data/empty"]) {
        mkdirSync(join(directory, name), { recursive: true });
      }
      for (const name of ["data/full/a", "data/full/b", "data/full/deep/c", "data/other/d", "data/same"]) {
        writeFileSync(join(directory, name), name);
      }
      symlinkSync("same", join(directory, "data/link"));
      chmodSync(join(directory, "data/other"), 0o750);
    },
  });
}, 60_000);
afterEach(() => box?.daemon.removeContainers());
afterAll(() => box?.daemon[Symbol.asyncDispose](), 60_000);

/** struct vfs_cap_data, revision 2. */
const CAP_NET_BIND_SERVICE = Buffer.from("0100000200040000000000000000000000000000", "hex");

const changesAfter = async (script: string) => box.changes(await box.running(script, { Image: "tree" }));

test.each<[string, string, string[]]>([
  ["nothing", "true", []],
  ["a new file", "echo x > /data/new", ["C /data", "A /data/new"]],
  ["a new tree", "mkdir -p /new/sub; : > /new/sub/f", ["A /new", "A /new/sub", "A /new/sub/f"]],
  [
    "other content",
    "echo x > /data/full/deep/c",
    ["C /data", "C /data/full", "C /data/full/deep", "C /data/full/deep/c"],
  ],
  ["a deleted file", "rm /data/same", ["C /data", "D /data/same"]],
  ["a deleted tree, told once", "rm -r /data/full", ["C /data", "D /data/full"]],
  ["another mode", "chmod 700 /data/other", ["C /data", "C /data/other"]],
  ["another owner of a file", "chown 5:5 /data/same", ["C /data", "C /data/same"]],
  ["another time of a file", "touch -d '2000-01-01' /data/same", ["C /data", "C /data/same"]],
  ["another time of a directory is none", "touch -d '2000-01-01' /data/empty", []],
  ["a mode there and back is none", "chmod 600 /data/same; chmod 644 /data/same", []],
  ["a file made and deleted is none", "echo x > /data/new; rm /data/new", []],
  [
    "a directory made anew",
    "rm -r /data/full; mkdir /data/full; echo a > /data/full/a",
    ["C /data", "C /data/full", "C /data/full/a", "D /data/full/b", "D /data/full/deep"],
  ],
  ["a directory made anew as it was", "rm -r /data/empty; mkdir /data/empty", []],
  ["a file where a directory was", "rm -r /data/full; : > /data/full", ["C /data", "C /data/full"]],
  [
    "a directory where a file was",
    "rm /data/same; mkdir /data/same; : > /data/same/f",
    ["C /data", "C /data/same", "A /data/same/f"],
  ],
  ["another link", "ln -snf other /data/link", ["C /data", "C /data/link"]],
  [
    "a renamed tree",
    "mv /data/full /data/moved",
    [
      "C /data",
      "D /data/full",
      "A /data/moved",
      "A /data/moved/a",
      "A /data/moved/b",
      "A /data/moved/deep",
      "A /data/moved/deep/c",
    ],
  ],
  ["names that begin alike come directory by directory", "mkdir /x; : > /x/f; : > /x.y", ["A /x", "A /x/f", "A /x.y"]],
  ["a device and a pipe", "mknod /n c 1 3; mkfifo /p", ["A /n", "A /p"]],
  ["what is in volumes and in memory", "echo x > /dev/shm/x; echo x >> /etc/hosts", []],
])("changes: %s", async (_what, script, expected) => {
  expect(await changesAfter(script)).toEqual(expected);
});

test("a mount point that the image lacks is a change, what is mounted there is not", async () => {
  const HostConfig = { Binds: ["some:/mine/volume"], Tmpfs: { "/mine/memory": "" } };
  const id = await box.running("echo x > /mine/volume/f; echo x > /mine/memory/f", { HostConfig });
  expect(await box.changes(id)).toEqual(["A /mine", "A /mine/memory", "A /mine/volume"]);
  await box.api.call("POST", `/containers/${id}/stop?t=1`);
  expect(await box.changes(id)).toEqual(["A /mine", "A /mine/memory", "A /mine/volume"]);
});

test("a file's capability is compared too", async () => {
  const id = await box.running("chmod 600 /data/same; chmod 644 /data/same", { Image: "tree" });
  expect(await box.changes(id)).toEqual([]);
  setXattr(join(await box.upper(id), "data/same"), "security.capability", CAP_NET_BIND_SERVICE);
  expect(await box.changes(id)).toEqual(["C /data", "C /data/same"]);
});

test.each(["running", "stopped"])(
  "export of a %s container is its root without what is mounted over it",
  async (state) => {
    const HostConfig = { Binds: ["vol:/mine/volume"], Tmpfs: { "/mine/memory": "" } };
    const script =
      "echo x > /mine/volume/f; echo x > /mine/memory/f; rm -r /data/full; echo new > /data/new; ln /data/new /data/twin";
    const id = await box.running(script, { Image: "tree", HostConfig });
    if (state === "stopped") await box.api.call("POST", `/containers/${id}/stop?t=1`);
    const response = await box.daemon.request(`/containers/${id}/export`);
    expect(response.headers.get("Content-Type")).toBe("application/octet-stream");
    const members = readTar(new Uint8Array(await response.arrayBuffer()));
    const names = [...members.keys()].filter((name) => /^(data|mine|proc|sys|dev)\//.test(name));
    expect(names).toEqual([
      "data/",
      "data/empty/",
      "data/link",
      "data/new",
      "data/other/",
      "data/other/d",
      "data/same",
      "data/twin",
      "dev/",
      "mine/",
      "mine/memory/",
      "mine/volume/",
      "proc/",
      "sys/",
    ]);
    expect(members.get("data/twin")?.entry).toMatchObject({ type: "hardlink", linkName: Buffer.from("data/new") });
    expect(members.get("data/other/")?.entry.mode).toBe(0o750);
    expect(members.has("bin/busybox")).toBe(true);
  },
);

test("nothing is left when every container is removed", async () => {
  expect(await box.daemon.leakCheck()).toEqual([]);
});
