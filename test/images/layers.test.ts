import { afterAll, expect, test } from "bun:test";
import { existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { chainIds } from "../../src/formats/oci/chain-id.ts";
import { digestOf } from "../../src/formats/oci/digest.ts";
import { encodeEnd, encodeEntry, encodePadding, type PackEntry, packFile } from "../../src/formats/tar/packer.ts";
import { getXattr } from "../../src/kernel/xattr.ts";
import { dockerArchive, type Fixture, failure, isRoot, load, openFixture } from "./fixture.ts";

const CAPABILITY = Buffer.from([1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

const entry = (fields: Partial<PackEntry> & Pick<PackEntry, "type" | "name">) =>
  encodeEntry({ mode: 0o755, sizeBytes: 0, ...fields });
const file = (name: string, text = name, fields: Partial<PackEntry> = {}) =>
  packFile({ name, mode: 0o644, ...fields }, Buffer.from(text));
const layer = (...parts: Buffer[]) => Buffer.concat([...parts, encodeEnd()]);

/** The directory of the top layer of the image. */
async function unpacked(fixture: Fixture, ...layers: Buffer[]): Promise<string> {
  await load(fixture.images, dockerArchive(layers, ["test:1"]));
  const view = fixture.snapshots.view(chainIds(layers.map((bytes) => digestOf(bytes))).at(-1));
  if (view.kind !== "overlay") throw new Error("no overlay");
  return view.lower[0] as string;
}

test.skipIf(!isRoot)("a layer's entries keep type, owner, mode, times, attributes and links", async () => {
  await using fixture = await openFixture();
  const root = await unpacked(
    fixture,
    layer(
      entry({
        type: "directory",
        name: "d/",
        mode: 0o1770,
        uid: 5,
        gid: 6,
        modifiedAt: { seconds: 1000n, nanoseconds: 7 },
      }),
      file("d/setuid", "x", { mode: 0o4755, uid: 7, modifiedAt: { seconds: -5n, nanoseconds: 0 } }),
      file("ping", "x", { uid: 1, xattrs: [{ name: Buffer.from("security.capability"), value: CAPABILITY }] }),
      entry({ type: "hardlink", name: "again", linkName: "d/setuid" }),
      entry({ type: "symlink", name: "s", linkName: "../../etc/passwd" }),
      entry({ type: "fifo", name: "p", mode: 0o600 }),
      entry({ type: "character", name: "null", deviceMajor: 1, deviceMinor: 3, mode: 0o666 }),
      file("implied/deep/f"),
    ),
  );
  const setuid = lstatSync(join(root, "d/setuid"));
  expect([setuid.mode & 0o7777, setuid.uid, setuid.mtimeMs, setuid.nlink]).toEqual([0o4755, 7, -5000, 2]);
  const directory = lstatSync(join(root, "d"), { bigint: true });
  expect([directory.mode & 0o7777n, directory.uid, directory.gid, directory.mtimeNs]).toEqual([
    0o1770n,
    5n,
    6n,
    1_000_000_000_007n,
  ]);
  expect(getXattr(join(root, "ping"), "security.capability")).toEqual(CAPABILITY);
  expect(lstatSync(join(root, "again")).ino).toBe(setuid.ino);
  expect(readlinkSync(join(root, "s"))).toBe("../../etc/passwd");
  expect(lstatSync(join(root, "p")).isFIFO()).toBe(true);
  expect(lstatSync(join(root, "null")).rdev).toBe(0x103);
  expect(readFileSync(join(root, "implied/deep/f"), "utf8")).toBe("implied/deep/f");
});

test.skipIf(!isRoot)("a directory with set-gid does not give its group to what a layer puts into it", async () => {
  await using fixture = await openFixture();
  const directory = (name: string, mode: number, gid = 0) => entry({ type: "directory", name, mode, gid });
  const root = await unpacked(
    fixture,
    layer(
      directory("mail/", 0o2775, 8),
      file("mail/f"),
      directory("mail/d/", 0o755),
      file("mail/d/g", "g", { gid: 5 }),
    ),
  );
  const look = (name: string) => {
    const { mode, gid } = lstatSync(join(root, name));
    return [mode & 0o7777, gid];
  };
  expect(["mail", "mail/f", "mail/d", "mail/d/g"].map(look)).toEqual([
    [0o2775, 8],
    [0o644, 0],
    [0o755, 0],
    [0o644, 5],
  ]);
});

test.skipIf(!isRoot)("whiteouts become what overlayfs reads, and the merged view honours them", async () => {
  await using fixture = await openFixture();
  const base = layer(
    entry({ type: "directory", name: "etc/", mode: 0o700, uid: 9 }),
    file("etc/gone"),
    file("etc/kept"),
    file("opaque/hidden"),
    entry({ type: "symlink", name: "link", linkName: "/etc/kept" }),
  );
  const top = layer(
    file("etc/.wh.gone", ""),
    file("opaque/.wh..wh..opq", ""),
    file("opaque/new"),
    file(".wh..wh.plnk", ""),
  );
  const root = await unpacked(fixture, base, top);
  const whiteout = lstatSync(join(root, "etc/gone"));
  expect([whiteout.isCharacterDevice(), whiteout.rdev]).toEqual([true, 0]);
  expect(getXattr(join(root, "opaque"), "trusted.overlay.opaque")?.toString()).toBe("y");
  expect(existsSync(join(root, ".wh..wh.plnk"))).toBe(false);
  // The top layer only implied `etc`: it looks as below.
  expect([lstatSync(join(root, "etc")).uid, lstatSync(join(root, "etc")).mode & 0o777]).toEqual([9, 0o700]);
  const { chainId } = await fixture.images.get("test:1");
  await fixture.snapshots.prepare("key", chainId);
  const read = async (path: string) => {
    const bytes = await fixture.snapshots.readFile("key", path, 100);
    return bytes === undefined ? undefined : Buffer.from(bytes).toString();
  };
  expect(await read("/etc/gone")).toBeUndefined();
  expect(await read("/opaque/hidden")).toBeUndefined();
  expect(await read("/opaque/new")).toBe("opaque/new");
  expect(await read("/link")).toBe("etc/kept");
  expect(await read("/../../link")).toBe("etc/kept");
  expect(await read("/etc")).toBeUndefined();
});

test.skipIf(!isRoot)("a sparse file keeps its holes", async () => {
  await using fixture = await openFixture();
  const pax = Buffer.from("22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n32 GNU.sparse.realsize=10000000\n");
  const header = entry({ type: "file", name: "sparse", sizeBytes: 515, mode: 0o644 });
  const extended = entry({ type: "file", name: "x", sizeBytes: pax.length });
  extended.write("x", 156);
  extended.fill(0x20, 148, 156);
  extended.write(
    `${extended
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, "0")}\0 `,
    148,
  );
  const data = Buffer.concat([Buffer.from("1\n9000000\n3\n"), Buffer.alloc(500), Buffer.from("end")]);
  const root = await unpacked(
    fixture,
    layer(extended, pax, encodePadding(pax.length), header, data, encodePadding(515)),
  );
  const status = statSync(join(root, "sparse"));
  expect(status.size).toBe(10_000_000);
  expect(status.blocks * 512).toBeLessThan(100_000);
  expect(readFileSync(join(root, "sparse")).subarray(9_000_000, 9_000_004).toString()).toBe("end\0");
});

test.skipIf(!isRoot)("later entries replace earlier ones of the same name, whatever they are", async () => {
  await using fixture = await openFixture();
  const root = await unpacked(
    fixture,
    layer(
      file("a/b/c"),
      file("a", "now a file"),
      file("x"),
      entry({ type: "directory", name: "x" }),
      file("x/y"),
      file("f", "1"),
      file("f", "2"),
    ),
  );
  expect(readFileSync(join(root, "a"), "utf8")).toBe("now a file");
  expect(readFileSync(join(root, "x/y"), "utf8")).toBe("x/y");
  expect(readFileSync(join(root, "f"), "utf8")).toBe("2");
});

const secret = "/tmp/gantry-images-outside";
afterAll(() => rmSync(secret, { recursive: true, force: true }));

test.skipIf(!isRoot).each<[string, Buffer[]]>([
  ["parent directory", [file("../escaped")]],
  ["hard link to the host", [entry({ type: "hardlink", name: "h", linkName: "../../../../etc/passwd" })]],
  ["hard link to an absolute path", [entry({ type: "hardlink", name: "h", linkName: "/etc/hostname" })]],
  ["whiteout of nothing", [file(".wh.", "")]],
  ["whiteout of the parent", [file("a/.wh...", "")]],
  ["whiteout of the directory itself", [file("a/.wh..", "")]],
  ["the root as a file", [file(".", "")]],
  ["a name of 5000 bytes", [file("n".repeat(5000))]],
  ["a thousand directories", [file("d/".repeat(1000))]],
  ["a component of 300 bytes", [file("n".repeat(300))]],
  [
    "hard link to a directory",
    [entry({ type: "directory", name: "d" }), entry({ type: "hardlink", name: "h", linkName: "d" })],
  ],
  ["symlink loop in the way", [entry({ type: "symlink", name: "l", linkName: "l" }), file("l/f")]],
])("refused, and nothing left behind: %s", async (_name, parts) => {
  await using fixture = await openFixture();
  expect(await failure(load(fixture.images, dockerArchive([layer(...parts)], ["test:1"])))).toBeString();
  expect(fixture.content.list()).toEqual([]);
  expect(fixture.snapshots.listLayers()).toEqual([]);
});

test.skipIf(!isRoot)("symlinks in an archive lead nowhere outside of the layer", async () => {
  await using fixture = await openFixture();
  mkdirSync(secret, { recursive: true });
  writeFileSync(join(secret, "file"), "host");
  const root = await unpacked(
    fixture,
    layer(
      entry({ type: "directory", name: secret.slice(1) }),
      entry({ type: "symlink", name: "out", linkName: secret }),
      file("out/file", "inside", { mode: 0o777, uid: 1234 }),
      entry({ type: "symlink", name: "up", linkName: "../../../../.." }),
      file("up/top", "inside"),
    ),
  );
  expect(readFileSync(join(secret, "file"), "utf8")).toBe("host");
  expect(statSync(join(secret, "file")).uid).toBe(0);
  expect(readFileSync(join(root, secret, "file"), "utf8")).toBe("inside");
  expect(readFileSync(join(root, "top"), "utf8")).toBe("inside");
  expect(existsSync("/top")).toBe(false);
});

test.skipIf(!isRoot).each([
  ["gzip", (bytes: Buffer) => gzipSync(bytes)],
  ["zstd", (bytes: Buffer) => zstdCompressSync(bytes)],
  [
    "two gzip members",
    (bytes: Buffer) => Buffer.concat([gzipSync(bytes.subarray(0, 700)), gzipSync(bytes.subarray(700))]),
  ],
] as const)("a layer compressed with %s is unpacked, and stored as it came", async (_name, compress) => {
  await using fixture = await openFixture();
  const plain = layer(file("a", "text"));
  const stored = compress(plain);
  await load(fixture.images, dockerArchive([plain], ["test:1"], [stored]));
  expect(fixture.content.has(digestOf(stored))).toBe(true);
  expect(fixture.snapshots.has(digestOf(plain))).toBe(true);
});

test.skipIf(!isRoot).each([
  ["cut gzip", (bytes: Buffer) => gzipSync(bytes).subarray(0, -12)],
  ["garbage after gzip", (bytes: Buffer) => Buffer.concat([gzipSync(bytes), Buffer.from("garbage")])],
  [
    "damaged gzip",
    (bytes: Buffer) => {
      const out = gzipSync(bytes);
      out[out.length - 6] = (out[out.length - 6] as number) ^ 255;
      return out;
    },
  ],
  ["cut zstd", (bytes: Buffer) => zstdCompressSync(bytes).subarray(0, -4)],
  ["another tar", () => layer(file("b"))],
  ["a cut tar", (bytes: Buffer) => bytes.subarray(0, 600)],
  ["no tar", () => Buffer.from("hello")],
] as const)("refused: %s", async (_name, damage) => {
  await using fixture = await openFixture();
  const plain = layer(file("a", "text ".repeat(500)));
  expect(await failure(load(fixture.images, dockerArchive([plain], ["test:1"], [damage(plain)])))).toBeString();
  expect(fixture.content.list()).toEqual([]);
});
