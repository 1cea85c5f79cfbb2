import { afterAll, beforeAll, expect, test } from "bun:test";
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeEnd, encodeEntry, packFile } from "../../src/formats/tar/packer.ts";
import { DONE, FileSlots } from "../../src/storage/snapshots/unpack/file-slots.ts";
import { createFileWriters } from "../../src/storage/snapshots/unpack/file-writers.ts";
import { createUnpacker, type SmallFilesWay } from "../../src/storage/snapshots/unpack/unpack.ts";
import { runProgram } from "../harness/run-program.ts";
import { until } from "../harness/until.ts";
import { failure, isRoot } from "./fixture.ts";
import { randomLayer } from "./random-layer.ts";
import { listTree } from "./tree-listing.ts";

/** In memory: what removes as many files as it makes is no test of a disk. */
let root: string;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "gantry-small-files-"));
  if (isRoot) await mountMemory(root, "1g");
});
afterAll(async () => {
  if (isRoot) await runProgram(["umount", "-l", root]);
  rmSync(root, { recursive: true, force: true });
});

async function mountMemory(directory: string, size: string): Promise<void> {
  const mounted = await runProgram(["mount", "-t", "tmpfs", "-o", `size=${size}`, "tmpfs", directory]);
  expect(mounted.stderr).toBe("");
}

const seeds = [20_260_101, Number(process.env["GANTRY_SEED"] ?? Date.now() % 2 ** 31)];

/** Open descriptors of this process: its threads share them. */
const openFiles = () => readdirSync("/proc/self/fd").length;
const threads = () => readdirSync("/proc/self/task").length;

function write(name: string, layer: Buffer): string {
  writeFileSync(join(root, name), layer);
  return join(root, name);
}

function freshDirectory(): string {
  return mkdtempSync(join(root, "layer-"));
}

function manyFiles(count: number, bytes = 1000): Buffer {
  const parts = Array.from({ length: count }, (_, at) =>
    packFile({ name: `d${Math.floor(at / 500)}/f${at}`, mode: 0o644 }, Buffer.alloc(bytes, String(at))),
  );
  return Buffer.concat([...parts, encodeEnd()]);
}

async function unpack(archive: string, smallFiles: SmallFilesWay, signal = new AbortController().signal) {
  const directory = freshDirectory();
  const unpacked = await createUnpacker({ smallFiles }).unpack(archive, directory, { signal });
  return { directory, unpacked };
}

test.skipIf(!isRoot).each(seeds)(
  "a layer in which order matters is the same whoever makes its files (seed %p)",
  async (seed) => {
    const archive = write(`random-${seed}.tar`, randomLayer(seed, 8000));
    const expected = await unpack(archive, "one-by-one");
    const listing = listTree(expected.directory, expected.unpacked.implied);
    expect(listing.length).toBeGreaterThan(1000);
    for (const way of ["batched", "two-threads"] as const) {
      const { directory, unpacked } = await unpack(archive, way);
      expect(listTree(directory, unpacked.implied)).toEqual(listing);
      expect(unpacked).toEqual(expected.unpacked);
    }
  },
  30_000,
);

test.skipIf(!isRoot)("a directory that was replaced under its second name is not taken for a real one", async () => {
  const symlink = (name: string, linkName: string) =>
    encodeEntry({ type: "symlink", name, linkName, mode: 0o777, sizeBytes: 0 });
  const directory = (name: string) => encodeEntry({ type: "directory", name, mode: 0o755, sizeBytes: 0 });
  const parts = [
    directory("e/"),
    directory("d/"),
    symlink("l", "d"),
    directory("l/x/"),
    directory("d/x/"),
    symlink("l/x", "/e"),
    packFile({ name: "d/x/f", mode: 0o644 }, Buffer.from("in e")),
    encodeEntry({ type: "hardlink", name: "again", linkName: "e/f", mode: 0, sizeBytes: 0 }),
    encodeEnd(),
  ];
  const archive = write("second-name.tar", Buffer.concat(parts));
  for (const way of ["one-by-one", "two-threads"] as const) {
    const { directory: made } = await unpack(archive, way);
    expect(readFileSync(join(made, "again"), "utf8")).toBe("in e");
    expect(lstatSync(join(made, "e/f")).nlink).toBe(2);
  }
});

test.skipIf(!isRoot)("a directory that gives rights to what is made in it gives them to later files only", async () => {
  // struct posix_acl_xattr_header and entries: user::rwx, group::r-x, mask::---, other::---, and user 5.
  const acl = Buffer.alloc(4 + 5 * 8);
  acl.writeUInt32LE(2);
  const rows = [
    [1, 7, 0xffffffff],
    [2, 7, 5],
    [4, 5, 0xffffffff],
    [0x10, 0, 0xffffffff],
    [0x20, 0, 0xffffffff],
  ];
  for (const [at, [tag = 0, rights = 0, id = 0]] of rows.entries()) {
    acl.writeUInt16LE(tag, 4 + at * 8);
    acl.writeUInt16LE(rights, 6 + at * 8);
    acl.writeUInt32LE(id, 8 + at * 8);
  }
  const xattrs = [{ name: Buffer.from("system.posix_acl_default"), value: acl }];
  const file = (name: string) => packFile({ name, mode: 0o664 }, Buffer.from("x"));
  const directory = encodeEntry({ type: "directory", name: "d/", mode: 0o755, sizeBytes: 0, xattrs });
  const archive = write("acl.tar", Buffer.concat([file("d/before"), directory, file("d/after"), encodeEnd()]));
  for (const way of ["one-by-one", "two-threads"] as const) {
    const { directory: made } = await unpack(archive, way);
    expect([way, ...["d/before", "d/after"].map((name) => lstatSync(join(made, name)).mode & 0o777)]).toEqual([
      way,
      0o664,
      0o600,
    ]);
  }
});

test.skipIf(!isRoot)(
  "the second thread makes files below its own directory, and is gone when it is stopped",
  async () => {
    const directory = freshDirectory();
    const before = { files: openFiles(), threads: threads() };
    const writers = createFileWriters(1);
    const writer = writers.forDirectory(directory);
    const slots = new FileSlots();
    writer.start(slots.shared);
    const refused = writers.forDirectory(directory);
    const unused = new FileSlots();
    refused.start(unused.shared);
    await until("the second thread is ready", () => slots.writerIsReady);
    const modifiedAt = { seconds: 7n, nanoseconds: 8 };
    const empty = { linkName: Buffer.alloc(0), deviceMajor: 0, deviceMinor: 0, xattrs: [] };
    const entry = {
      ...empty,
      type: "file" as const,
      name: Buffer.alloc(0),
      mode: 0o4750,
      uid: 3,
      gid: 4,
      sizeBytes: 2,
      modifiedAt,
    };
    const [first, second] = slots.batches;
    for (const batch of [first, second]) {
      for (const path of ["/made", "/../../made-too"]) {
        expect(batch?.begin(Buffer.from(path), entry)).toBe(true);
        batch?.append(Buffer.from("hi"));
        batch?.commit();
      }
    }
    slots.give(0);
    await until("the first batch is done", () => slots.state(0) === DONE);
    slots.give(1);
    await until("the second batch is done", () => slots.state(1) === DONE);
    expect([...(first?.failures() ?? [])]).toEqual([]);
    expect([...(second?.failures() ?? [])].map(({ path, outcome }) => [path.toString(), outcome])).toEqual([
      ["/made", 17],
      ["/../../made-too", 17],
    ]);
    expect(readdirSync(directory).sort()).toEqual(["made", "made-too"]);
    const { mode, uid, gid, mtimeNs } = lstatSync(join(directory, "made"), { bigint: true });
    expect([mode & 0o7777n, uid, gid, mtimeNs]).toEqual([0o4750n, 3n, 4n, 7_000_000_008n]);
    expect(readFileSync(join(directory, "made"), "utf8")).toBe("hi");
    await Promise.all([writer.stop(), refused.stop()]);
    expect(unused.writerIsReady).toBe(false);
    await until("the thread is gone", () => openFiles() <= before.files && threads() <= before.threads);
  },
);

test.skipIf(!isRoot)(
  "an unpacking that is cancelled makes no more files, and its threads end",
  async () => {
    const archive = write("many.tar", manyFiles(20_000));
    const before = openFiles();
    const unpacker = createUnpacker();
    const count = (directory: string) =>
      readdirSync(directory).reduce((sum, name) => sum + readdirSync(join(directory, name)).length, 0);
    for (const enough of [100, 4000, 12_000]) {
      const directory = freshDirectory();
      const controller = new AbortController();
      const result = failure(unpacker.unpack(archive, directory, { signal: controller.signal }));
      await until(`${enough} files`, () => count(directory) >= enough);
      controller.abort(new Error("enough"));
      expect(await result).toBe("enough");
      const made = count(directory);
      await Bun.sleep(100);
      expect(count(directory)).toBe(made);
    }
    // The thread that helps may be had again.
    await unpacker.unpack(archive, freshDirectory(), { signal: new AbortController().signal });
    await until("descriptors are closed", () => openFiles() <= before);
  },
  30_000,
);

test.skipIf(!isRoot)(
  "a disk that becomes full says so, whoever makes the files",
  async () => {
    const archive = write("full.tar", manyFiles(12_000, 3000));
    const disk = join(root, "disk");
    mkdirSync(disk);
    const mounted = await runProgram(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", disk]);
    expect(mounted.stderr).toBe("");
    try {
      for (const smallFiles of ["one-by-one", "batched", "two-threads"] as const) {
        const directory = mkdtempSync(join(disk, "layer-"));
        const { signal } = new AbortController();
        const message = await failure(createUnpacker({ smallFiles }).unpack(archive, directory, { signal }));
        expect(message).toMatch(/^\w+ .*: no space left on device$/);
        rmSync(directory, { recursive: true });
      }
    } finally {
      await runProgram(["umount", "-l", disk]);
    }
  },
  30_000,
);
