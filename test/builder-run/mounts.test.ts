import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import type { FilesResult, TreeResult } from "../../src/builder/results.ts";
import { runOp } from "../harness/run-op.ts";
import { until } from "../harness/until.ts";
import { obstacle } from "../launcher/box.ts";
import { filesOf } from "./files-source.ts";
import { LAYER, mountOf, openWorkshop, SCRATCH, stepContext, type Workshop } from "./workshop.ts";

describe.skipIf(obstacle() !== undefined)("mounts of a RUN (needs root and busybox)", () => {
  let shop: Workshop;
  let place: string;
  let files: FilesResult;
  let stage: TreeResult;
  beforeAll(async () => {
    shop = await openWorkshop();
    place = mkdtempSync(`${tmpdir()}/gantry-run-context-`);
    mkdirSync(`${place}/src/deep`, { recursive: true });
    writeFileSync(`${place}/src/file`, "from the context\n");
    writeFileSync(`${place}/src/deep/er`, "deeper\n");
    symlinkSync("/src/deep", `${place}/link`);
    files = filesOf(place);
    stage = await shop.layers.fill(SCRATCH, LAYER, async (directory) => {
      mkdirSync(`${directory}/out`);
      writeFileSync(`${directory}/out/made`, "by another stage\n");
      symlinkSync("out", `${directory}/alias`);
    });
  });
  afterEach(() => expect(shop.leftovers()).toEqual([]));
  afterAll(async () => {
    await shop.close();
    rmSync(place, { recursive: true, force: true });
  });

  describe("bind", () => {
    test("shows files of the context, of a directory or one alone, links within followed; nobody can write", async () => {
      const { text, tree } = await shop.run(
        "cat /a/file /b /c/er; touch /a/x 2>&1; echo x 2>/dev/null >> /b || echo refused",
        {
          mounts: [
            mountOf("bind", { target: "/a", source: "src" }, 1),
            mountOf("bind", { target: "/b", source: "/src/file" }, 1),
            mountOf("bind", { target: "/c", source: "link" }, 1),
          ],
        },
        { inputs: [files] },
      );
      expect(text).toBe("from the context\nfrom the context\ndeeper\ntouch: /a/x: Read-only file system\nrefused\n");
      expect(shop.contents(tree)).toEqual([]);
    });

    test("shows another stage, by a link too", async () => {
      const mounts = [mountOf("bind", { source: "alias" }, 1), mountOf("bind", { target: "/all" }, 1)];
      const { text } = await shop.run(
        "cat /mnt/made /all/out/made; touch /all/x 2>&1 || true",
        { mounts },
        { inputs: [stage] },
      );
      expect(text).toBe("by another stage\nby another stage\ntouch: /all/x: Read-only file system\n");
    });

    test("what is written to a writable one is there for the command and nowhere else", async () => {
      const mounts = [
        mountOf("bind", { target: "/context", readOnly: false }, 1),
        mountOf("bind", { target: "/stage", source: "out", readOnly: false }, 2),
        mountOf("bind", { target: "/one", source: "src/file", readOnly: false }, 1),
      ];
      const script =
        "echo new > /context/src/file; echo x > /context/x; rm /stage/made; echo y > /stage/y; echo z > /one; cat /context/src/file /one; ls /stage";
      const { text, tree } = await shop.run(script, { mounts }, { inputs: [files, stage] });
      expect(text).toBe("new\nz\ny\n");
      expect(shop.contents(tree)).toEqual([]);
      expect(readFileSync(`${place}/src/file`, "utf8")).toBe("from the context\n");
      expect(readdirSync(place).sort()).toEqual(["link", "src"]);
      expect((await shop.run("ls /mnt/out", { mounts: [mountOf("bind", {}, 1)] }, { inputs: [stage] })).text).toBe(
        "made\n",
      );
    });

    test("a source that is not there is an error that names it", async () => {
      const run = (input: FilesResult | TreeResult) =>
        shop.failure("true", { mounts: [mountOf("bind", { source: "no/where" }, 1)] }, { inputs: [input] });
      expect(await run(files)).toBe('"/no/where": not found');
      expect(await run(stage)).toBe('"/no/where": not found');
    });

    test("mounts below others, and mount points that the image has, are as they were", async () => {
      const mounts = [
        mountOf("bind", { target: "/tmp/a/b" }, 1),
        mountOf("tmpfs", { target: "/tmp/a" }),
        mountOf("bind", { target: "/home", source: "out" }, 2),
      ];
      const { text, tree } = await shop.run(
        "ls /tmp/a /tmp/a/b /home; touch /tmp/kept",
        { mounts },
        { inputs: [files, stage] },
      );
      expect(text).toBe("/home:\nmade\n\n/tmp/a:\nb\n\n/tmp/a/b:\nlink\nsrc\n");
      expect(shop.contents(tree)).toEqual(["tmp", "tmp/kept"]);
    });
  });

  test("what cannot be mounted says where, and shows nothing of the host", async () => {
    const fail = (...mounts: ReturnType<typeof mountOf>[]) => shop.failure("true", { mounts }, { inputs: [files] });
    expect(await fail(mountOf("tmpfs", { target: "/" }))).toBe('mounting at "/": invalid argument');
    const below = mountOf("tmpfs", { target: "/context/new" });
    expect(await fail(mountOf("bind", { target: "/context" }, 1), below)).toBe(
      'mounting at "/context/new": read-only file system',
    );
    expect(await fail(mountOf("tmpfs", { target: "/etc/passwd/x" }))).toBe(
      'mounting at "/etc/passwd/x": not a directory',
    );
    expect(await fail(mountOf("bind", { target: "/proc/sys" }, 1))).toContain("inside /proc");
  });

  test("tmpfs has the size that was asked for, and programs run from it", async () => {
    const mounts = [mountOf("tmpfs", { sizeBytes: 1024 * 1024 })];
    const script =
      "df -k /mnt | tail -1 | grep -o ' 1024 ' | head -1; printf '#!/bin/sh\\necho runs\\n' > /mnt/x; chmod +x /mnt/x; /mnt/x; cp /bin/busybox /mnt/ 2>/dev/null || echo full";
    const { text, tree } = await shop.run(script, { mounts });
    expect(text).toBe(" 1024 \nruns\nfull\n");
    expect(shop.contents(tree)).toEqual([]);
  });

  describe("mountKey", () => {
    const keyOf = (mounts: ReturnType<typeof mountOf>[], ...inputs: (FilesResult | TreeResult)[]) =>
      shop.runner.mountKey(runOp({ mounts }), [shop.base, ...inputs], stepContext());

    test("says nothing of mounts without sources", async () => {
      expect(await keyOf([mountOf("tmpfs", {}), mountOf("secret", { id: "x" }), mountOf("cache", { id: "y" })])).toBe(
        "",
      );
    });

    test("changes with what is mounted, and only with that", async () => {
      const mounts = [mountOf("bind", { source: "src" }, 1)];
      const before = await keyOf(mounts, files);
      writeFileSync(`${place}/beside`, "x");
      expect(await keyOf(mounts, filesOf(place))).toBe(before);
      rmSync(`${place}/beside`);
      writeFileSync(`${place}/src/more`, "x");
      expect(await keyOf(mounts, filesOf(place))).not.toBe(before);
      rmSync(`${place}/src/more`);
      expect(await keyOf([mountOf("bind", { source: "out" }, 1)], stage)).not.toBe(before);
      expect(keyOf([mountOf("bind", { source: "none" }, 1)], files)).rejects.toThrow('"/none": not found');
    });
  });

  describe("cache", () => {
    const cache = (changes: Parameters<typeof mountOf>[1] = {}, input?: number) => mountOf("cache", changes, input);

    test("keeps its files from one step to the next, by its id, and by its namespace", async () => {
      const write = await shop.run("echo kept > /mnt/x; stat -c '%a %u %g' /mnt", { mounts: [cache({ id: "one" })] });
      expect(write.text).toBe("755 0 0\n");
      expect(shop.contents(write.tree)).toEqual([]);
      const elsewhere = [cache({ id: "one", target: "/var/other" })];
      expect((await shop.run("cat /var/other/x", { mounts: elsewhere })).text).toBe("kept\n");
      expect((await shop.run("ls /mnt", { mounts: [cache({ id: "two" })] })).text).toBe("");
      const context = { cacheMountNamespace: "mine" };
      expect((await shop.run("ls /mnt", { mounts: [cache({ id: "one" })] }, { context })).text).toBe("");
      const text = await shop.failure("touch /mnt/y", { mounts: [cache({ id: "one", readOnly: true })] });
      expect(text).toContain("Read-only file system");
    });

    test("has the mode and the owner that it is made with", async () => {
      const mounts = [cache({ id: "owned", mode: 0o1770, uid: 37, gid: 33 })];
      expect((await shop.run("stat -c '%a %u %g' /mnt", { mounts })).text).toBe("1770 37 33\n");
    });

    test("is filled from a source at first, and keeps what was changed then", async () => {
      const mounts = [cache({ id: "seeded", source: "out" }, 1)];
      expect((await shop.run("cat /mnt/made; echo more > /mnt/more", { mounts }, { inputs: [stage] })).text).toBe(
        "by another stage\n",
      );
      expect((await shop.run("ls /mnt", { mounts }, { inputs: [stage] })).text).toBe("made\nmore\n");
      const fromFiles = [cache({ id: "seeded", source: "src" }, 1)];
      expect((await shop.run("ls /mnt", { mounts: fromFiles }, { inputs: [files] })).text).toBe("deep\nfile\n");
      const missing = [cache({ id: "seeded", source: "nothing" }, 1)];
      expect(await shop.failure("true", { mounts: missing }, { inputs: [stage] })).toBe('"nothing": not found');
      expect(readdirSync(`${shop.directory}/data/builder/mounts`).filter((name) => name.startsWith("new-"))).toEqual(
        [],
      );
    });

    test("locked ones wait for each other, say so, and give up with their build", async () => {
      const locked = { mounts: [cache({ id: "lock", sharing: "locked" as const })] };
      const script = "mkdir /mnt/busy || exit 9; sleep 0.2; rmdir /mnt/busy";
      await Promise.all([shop.run(script, locked), shop.run(script, locked), shop.run(script, locked)]);
      const waits = shop.events.filter((event) => event.kind === "progress");
      expect(waits.map(({ name }) => name)).toContain("waiting for cache mount lock");
      expect(waits.at(-1)?.completedAt).toBeInstanceOf(Date);
      const holder = shop.run("sleep 0.5", locked);
      const impatient = { context: { signal: AbortSignal.timeout(100) } };
      expect(await shop.failure("true", locked, impatient)).toContain("timed out");
      await holder;
    });

    test("two steps that lock two caches in different order both end", async () => {
      const mounts = ["first", "second"].map((id) => cache({ id, target: `/${id}`, sharing: "locked" }));
      const run = (order: typeof mounts) => shop.run("sleep 0.05", { mounts: order });
      await Promise.all([run(mounts), run([...mounts].reverse()), run(mounts)]);
    });

    test("private ones never meet; one that is mounted twice by one step is one", async () => {
      const mounts = [cache({ id: "private", sharing: "private" })];
      const script = "mkdir /mnt/mine || exit 9; sleep 0.2; rmdir /mnt/mine";
      await Promise.all([shop.run(script, { mounts }), shop.run(script, { mounts })]);
      const kept = (await shop.runner.cacheMounts.list()).filter(({ description }) =>
        description.includes('"private"'),
      );
      expect(kept).toHaveLength(2);
      const twice = [
        cache({ id: "twice", sharing: "locked" }),
        cache({ id: "twice", target: "/b", sharing: "locked" }),
      ];
      expect((await shop.run("touch /mnt/x; ls /b", { mounts: twice })).text).toBe("x\n");
    });

    test("are listed with their sizes, removed unless they are used, and found again by the next daemon", async () => {
      await shop.run("head -c 100000 /dev/zero > /mnt/x", { mounts: [cache({ id: "listed" })] });
      const find = async (runner = shop.runner) =>
        (await runner.cacheMounts.list()).find(({ description }) => description.includes('id "listed"'));
      const found = await find();
      expect(found).toMatchObject({
        inUse: false,
        description: expect.stringContaining("cached mount /mnt from exec /bin/sh -c head"),
      });
      expect(found?.sizeBytes).toBeGreaterThanOrEqual(100_000);
      const id = found?.id ?? "";
      const using = shop.run("sleep 0.3", { mounts: [cache({ id: "listed" })] });
      await until("it is used", async () => (await find())?.inUse === true);
      expect(shop.runner.cacheMounts.remove(id)).rejects.toThrow("is in use");
      await using;
      writeFileSync(`${shop.directory}/data/builder/mounts/new-half`, "");
      const again = shop.reopenRunner();
      expect(await find(again)).toEqual(await find());
      await again.cacheMounts.remove(id);
      expect(again.cacheMounts.remove(id)).rejects.toThrow("not found");
      expect(readdirSync(`${shop.directory}/data/builder/mounts`)).not.toContain("new-half");
      expect(statSync(`${shop.directory}/data/builder/mounts`).mode & 0o777).toBe(0o700);
      await shop.runner.cacheMounts.remove("0".repeat(25)).then(
        () => expect.unreachable(),
        (error: Error) => expect(error.message).toContain("not found"),
      );
    });
  });
});
