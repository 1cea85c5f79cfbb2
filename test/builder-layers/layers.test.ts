import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { createSystemClock } from "../../src/base/clock.ts";
import { randomId } from "../../src/base/ids.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { createLayers } from "../../src/builder/layers/create-layers.ts";
import type { Layers, NewLayer } from "../../src/builder/layers/layers.ts";
import type { TreeResult } from "../../src/builder/results.ts";
import { AT_FDCWD, makeNodeAt, S_IFCHR } from "../../src/kernel/files.ts";
import { setXattr } from "../../src/kernel/xattr.ts";
import { createOverlaySnapshots } from "../../src/storage/snapshots/overlay.ts";
import { pack } from "../../src/storage/snapshots/pack/pack.ts";
import type { Snapshots } from "../../src/storage/snapshots/snapshots.ts";
import { createUnpacker } from "../../src/storage/snapshots/unpack/unpack.ts";
import { failure } from "../images/fixture.ts";

const SCRATCH: TreeResult = { kind: "tree", layers: [], chainId: undefined, createdAt: new Date(0), added: undefined };
const never = new AbortController().signal;

let root: string;
let snapshots: Snapshots;
let layers: Layers;
const held: string[] = [];
const options: NewLayer = { epochSeconds: undefined, hold: (keys) => void held.push(...keys), signal: never };

beforeEach(() => {
  root = mkdtempSync(`${tmpdir()}/gantry-layers-`);
  snapshots = createOverlaySnapshots({
    root,
    bootId: "test",
    logger: silentLogger,
  });
  layers = createLayers({ snapshots, clock: createSystemClock(), randomId, failpoint: () => {} });
});

afterEach(async () => {
  await snapshots.close();
  rmSync(root, { recursive: true, force: true });
});

const base = () =>
  layers.fill(SCRATCH, options, async (directory) => {
    mkdirSync(`${directory}/etc`, { mode: 0o755 });
    writeFileSync(`${directory}/etc/passwd`, "root:x:0:0::/:/bin/sh\n");
    mkdirSync(`${directory}/var/lib/old`, { recursive: true });
    writeFileSync(`${directory}/var/lib/old/file`, "old");
  });

const directoryOf = (tree: TreeResult) => snapshots.layerDirectory(tree.chainId as string);
const upperOf = (key: string) => {
  const { root: top, layers: own } = snapshots.directories(key);
  return `${top}/${own[0]}`;
};

async function archiveOf(tree: TreeResult): Promise<Buffer> {
  const { stream } = await pack({ kind: "sealed", root: directoryOf(tree) }, never);
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test("a filled layer's diffID is the digest of the archive that is made of it later, and that archive unpacks to the same files", async () => {
  const tree = await base();
  const archive = await archiveOf(tree);
  expect(tree.added?.diffId).toBe(`sha256:${new Bun.CryptoHasher("sha256").update(archive).digest("hex")}` as never);
  expect(tree.added?.sizeBytes).toBe(archive.length);
  writeFileSync(`${root}/archive.tar`, archive);
  const staged = await snapshots.stage();
  const unpacked = await createUnpacker().unpack(`${root}/archive.tar`, staged.path, { signal: never });
  expect(unpacked.diffId).toBe(tree.added?.diffId as never);
  expect(readFileSync(`${staged.path}/var/lib/old/file`, "utf8")).toBe("old");
  await staged.discard();
  expect(held).toContain(tree.chainId as string);
});

test("a large layer, which two threads hash, has the digest of its archive, too; one that is given up leaves nothing", async () => {
  const large = (signal: AbortSignal) =>
    layers.fill(SCRATCH, { ...options, signal, epochSeconds: 1000 }, async (directory) => {
      for (const at of Array(30).keys()) writeFileSync(`${directory}/${at}`, Buffer.alloc(500_000 + at, `${at} `));
    });
  const tree = await large(never);
  const archive = await archiveOf(tree);
  expect(archive.length).toBeGreaterThan(15_000_000);
  expect(tree.added?.diffId).toBe(`sha256:${new Bun.CryptoHasher("sha256").update(archive).digest("hex")}` as never);
  const controller = new AbortController();
  const doomed = large(controller.signal);
  setTimeout(() => controller.abort(new Error("given up")), 1);
  expect(await failure(doomed)).toBe("given up");
  expect((await large(never)).chainId).toBe(tree.chainId);
  expect(readdirSync(root).filter((name) => name.startsWith("staged-"))).toEqual([]);
});

test("the same files give the same layer, whatever the order in which they were made", async () => {
  const make = (names: string[]) =>
    layers.fill(SCRATCH, { ...options, epochSeconds: 1000 }, async (directory) => {
      for (const name of names) writeFileSync(`${directory}/${name}`, name);
    });
  const [one, other] = [await make(["a", "b", "c"]), await make(["c", "a", "b"])];
  expect(one.chainId).toBe(other.chainId as string);
  expect(one.createdAt).toEqual(new Date(1_000_000));
  expect(lstatSync(`${directoryOf(one)}/a`).mtimeMs).toBe(1_000_000);
});

test("what a start leaves behind is no change: mount points, directories copied up for them, marks that hide nothing", async () => {
  const below = await base();
  const tree = await layers.change(below, options, async (key) => {
    const upper = upperOf(key);
    mkdirSync(`${upper}/etc`, { mode: 0o755 });
    writeFileSync(`${upper}/etc/resolv.conf`, "");
    mkdirSync(`${upper}/proc`);
    mkdirSync(`${upper}/new`);
    setXattr(`${upper}/new`, "trusted.overlay.opaque", Buffer.from("y"));
    writeFileSync(`${upper}/new/file`, "1");
    makeNodeAt(AT_FDCWD, `${upper}/nothing`, S_IFCHR, { major: 0, minor: 0 });
    return { stubs: ["/etc/resolv.conf", "proc"] };
  });
  expect(readdirSync(directoryOf(tree))).toEqual(["new"]);
  expect((await archiveOf(tree)).toString("latin1")).not.toContain(".wh.");
  expect(snapshots.listActive()).toEqual([]);
});

test("mount points that hold something stay", async () => {
  const tree = await layers.change(await base(), options, async (key) => {
    mkdirSync(`${upperOf(key)}/cache`);
    writeFileSync(`${upperOf(key)}/cache/left`, "x");
    return { stubs: ["/cache"] };
  });
  expect(readdirSync(`${directoryOf(tree)}/cache`)).toEqual(["left"]);
});

test("a step that changes nothing makes an empty layer", async () => {
  const tree = await layers.change(await base(), options, async () => ({ stubs: [] }));
  expect(tree.layers).toHaveLength(2);
  // The digest of an archive without entries, as everybody has it.
  expect(tree.added?.diffId).toBe("sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef" as never);
});

test.each(["sub/.wh.foo", ".wh..wh..opq", ".wh.dir/file"])(
  "attack 40: a file called %s is refused: as an archive it would remove others",
  async (path) => {
    const before = readdirSync(root).sort();
    const making = layers.fill(SCRATCH, options, async (directory) => {
      mkdirSync(dirname(`${directory}/${path}`), { recursive: true });
      writeFileSync(`${directory}/${path}`, "");
    });
    expect(await failure(making)).toMatch(
      /^"\/.*\.wh\..*": a layer cannot hold a file whose name begins with "\.wh\."/,
    );
    expect(readdirSync(root).sort()).toEqual(before);
    const ordinary = await layers.fill(SCRATCH, options, async (directory) => writeFileSync(`${directory}/a.wh.b`, ""));
    expect(readdirSync(directoryOf(ordinary))).toEqual(["a.wh.b"]);
  },
);

test("work that fails leaves nothing", async () => {
  const below = await base();
  const before = readdirSync(root).sort();
  const failing = () => Promise.reject(new Error("no"));
  expect(await failure(layers.change(below, options, failing))).toBe("no");
  expect(await failure(layers.fill(below, options, failing))).toBe("no");
  expect(snapshots.listActive()).toEqual([]);
  expect(readdirSync(root).sort()).toEqual(before);
});

test("an epoch does not reach files that have other names outside of the layer, and keeps names of one file together", async () => {
  const outside = `${root}/outside`;
  writeFileSync(outside, "shared");
  utimesSync(outside, 5000, 5000);
  const tree = await layers.fill(SCRATCH, { ...options, epochSeconds: 1000 }, async (directory) => {
    linkSync(outside, `${directory}/a`);
    linkSync(outside, `${directory}/b`);
    writeFileSync(`${directory}/own`, "own");
    linkSync(`${directory}/own`, `${directory}/own-too`);
  });
  const [a, b] = [lstatSync(`${directoryOf(tree)}/a`), lstatSync(`${directoryOf(tree)}/b`)];
  expect(lstatSync(outside)).toMatchObject({ mtimeMs: 5_000_000, nlink: 1 });
  expect(a).toMatchObject({ mtimeMs: 1_000_000, nlink: 2, ino: b.ino });
  const [own, too] = [lstatSync(`${directoryOf(tree)}/own`), lstatSync(`${directoryOf(tree)}/own-too`)];
  expect(own).toMatchObject({ mtimeMs: 1_000_000, nlink: 2, ino: too.ino });
});

test("a layer is put onto another base with the same diffID, without copies of its files", async () => {
  const linked = await layers.fill(SCRATCH, options, async (directory) =>
    writeFileSync(`${directory}/file`, "content"),
  );
  const below = await base();
  const tree = await layers.restack(below, linked, linked.layers, options);
  expect(tree.layers.map(({ diffId }) => diffId)).toEqual(
    [...below.layers, ...linked.layers].map(({ diffId }) => diffId),
  );
  expect(lstatSync(`${directoryOf(tree)}/file`).ino).toBe(lstatSync(`${directoryOf(linked)}/file`).ino);
});

test("squashed layers are one: what the upper ones removed is gone, what the base has is hidden", async () => {
  const below = await base();
  const first = await layers.fill(below, options, async (directory) => {
    mkdirSync(`${directory}/srv`);
    writeFileSync(`${directory}/srv/temporary`, "1");
    writeFileSync(`${directory}/srv/kept`, "1");
    symlinkSync("kept", `${directory}/srv/link`);
  });
  const second = await layers.fill(first, options, async (directory) => {
    mkdirSync(`${directory}/srv`);
    makeNodeAt(AT_FDCWD, `${directory}/srv/temporary`, S_IFCHR, { major: 0, minor: 0 });
    writeFileSync(`${directory}/srv/kept`, "2");
    mkdirSync(`${directory}/var/lib`, { recursive: true });
    makeNodeAt(AT_FDCWD, `${directory}/var/lib/old`, S_IFCHR, { major: 0, minor: 0 });
  });
  const squashed = await layers.squash(below, second, options);
  expect(squashed.layers).toHaveLength(2);
  expect(readdirSync(`${directoryOf(squashed)}/srv`).sort()).toEqual(["kept", "link"]);
  expect(readFileSync(`${directoryOf(squashed)}/srv/kept`, "utf8")).toBe("2");
  expect(lstatSync(`${directoryOf(squashed)}/var/lib/old`).isCharacterDevice()).toBe(true);
});
