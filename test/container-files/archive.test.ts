import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { existsSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { GO_MODE } from "../../src/wire/file-mode.ts";
import { loadHostileImage } from "../attacks/hostile-image.ts";
import { until } from "../harness/until.ts";
import { type Box, openBox } from "./box.ts";
import { compressWith, makeTar, readTar } from "./tar.ts";

let box: Box;
beforeAll(async () => {
  box = await openBox();
}, 60_000);
afterEach(() => box?.daemon.removeContainers());
afterAll(() => box?.daemon[Symbol.asyncDispose](), 60_000);

const SETUP = `mkdir -p /d/sub; echo hi > /d/f; ln -s f /d/l; ln -s /d/sub/../f /abs; ln -s nowhere /dangling
  chown 12:34 /d/f; chmod 4751 /d/f; touch -d '2001-02-03 04:05:06' /d/f`;

test("HEAD tells what a path is, as Docker does", async () => {
  const id = await box.running(SETUP);
  expect(await box.stat(id, "/d/f")).toEqual({
    name: "f",
    size: 3,
    mode: GO_MODE.setuid + 0o751,
    mtime: "2001-02-03T04:05:06Z",
    linkTarget: "",
  });
  expect(await box.stat(id, "d/sub/")).toMatchObject({ name: "sub", mode: GO_MODE.directory + 0o755 });
  expect(await box.stat(id, "/")).toMatchObject({ name: "/", linkTarget: "" });
  const link = GO_MODE.symlink + 0o777;
  expect(await box.stat(id, "/d/l")).toMatchObject({ name: "l", mode: link, linkTarget: "/d/f" });
  expect(await box.stat(id, "/abs")).toMatchObject({ name: "abs", mode: link, linkTarget: "/d/f" });
  expect(await box.stat(id, "/dangling")).toMatchObject({ mode: link, linkTarget: "/nowhere" });
  expect(await box.stat(id, "/../../d/./f")).toMatchObject({ name: "f" });
});

test("refusals have Docker's words and statuses", async () => {
  const id = await box.running(SETUP);
  expect(await box.stat(id, "/nothing")).toBe(404);
  expect(await box.stat("nobody", "/")).toBe(404);
  expect(await box.stat(id, "/d/f/")).toBe(400);
  const get = async (path: string) => box.read(id, path).catch((error: Error) => error.message);
  expect(await get("/nothing")).toContain(`404 {"message":"Could not find the file /nothing in container ${id}"}`);
  expect(await get("")).toContain("400");
  expect(await get("/a\0b")).toContain("400");
  const archive = makeTar([{ name: "x", content: "x" }]);
  expect(await box.write(id, "/d/f", archive)).toEqual({
    status: 400,
    message: "extraction point is not a directory",
  });
  expect(await box.write(id, "/nothing", archive)).toEqual({
    status: 404,
    message: `Could not find the file /nothing in container ${id}`,
  });
  expect((await box.write("nobody", "/", archive)).message).toBe("No such container: nobody");
  expect(await box.write(id, "/", Buffer.from("this is no archive".repeat(100)))).toMatchObject({ status: 400 });
  expect(await box.write(id, "/", Buffer.alloc(20_000_000, 7))).toMatchObject({ status: 400 });
  expect(await box.write(id, "/", makeTar([{ name: "../x", content: "x" }]))).toMatchObject({ status: 400 });
});

test("an archive's names begin with the last component, whatever a link is called", async () => {
  const id = await box.running(`${SETUP}; ln -s /d /e`);
  const names = async (path: string) => [...(await box.read(id, path)).members.keys()];
  expect(await names("/d")).toEqual(["d/", "d/f", "d/l", "d/sub/"]);
  expect(await names("/d/.")).toEqual(["./", "./f", "./l", "./sub/"]);
  expect(await names("/e")).toEqual(["e"]);
  expect(await names("/e/")).toEqual(["e/", "e/f", "e/l", "e/sub/"]);
  expect(await names("/e/f")).toEqual(["f"]);
  const root = await names("/");
  expect(root.slice(0, 2)).toEqual(["/", "/abs"]);
  expect([await names("/proc"), await names("/sys/")]).toEqual([["proc/"], ["sys/"]]);
  // What the engine mounts there is not the container's.
  expect(root.filter((name) => /^\/(dev|proc|sys)\/./.test(name))).toEqual([]);
});

test("a container that is created, running, paused or stopped shows the same files and volumes", async () => {
  const HostConfig = { Binds: ["kept:/mnt/volume"] };
  const id = await box.api.create({ Cmd: ["sh", "-c", "trap 'exit 0' TERM; sleep 100 & wait"], HostConfig });
  expect((await box.write(id, "/etc", makeTar([{ name: "made", content: "before" }]))).status).toBe(200);
  expect((await box.write(id, "/mnt/volume", makeTar([{ name: "v", content: "volume" }]))).status).toBe(200);
  const look = async () => {
    const [made, volume] = [await box.read(id, "/etc/made"), await box.read(id, "/mnt")];
    return [made.members.get("made")?.content.toString(), volume.members.get("mnt/volume/v")?.content.toString()];
  };
  const expected = ["before", "volume"];
  expect(await look()).toEqual(expected);
  await box.api.call("POST", `/containers/${id}/start`);
  expect(await look()).toEqual(expected);
  expect((await box.api.exec(id, ["cat", "/etc/made", "/mnt/volume/v"])).stdout).toBe("beforevolume");
  await box.api.call("POST", `/containers/${id}/pause`);
  expect(await look()).toEqual(expected);
  await box.api.call("POST", `/containers/${id}/unpause`);
  await box.api.call("POST", `/containers/${id}/stop`);
  expect(await look()).toEqual(expected);
});

test("looking into a container that never ran changes nothing in it", async () => {
  const id = await box.api.create({ Cmd: ["true"], HostConfig: { Binds: ["other:/new/place/volume"] } });
  expect([...(await box.read(id, "/new")).members.keys()]).toEqual(["new/", "new/place/", "new/place/volume/"]);
  expect(await box.changes(id)).toEqual([]);
});

test("a mount point at the end of a link to nothing is made where the link leads, as a start makes it", async () => {
  await loadHostileImage(box.daemon, {
    tag: "dangling:latest",
    files: (directory) => symlinkSync("/mnt/elsewhere", join(directory, "data")),
  });
  const id = await box.api.create({ Image: "dangling", Cmd: ["true"], HostConfig: { Binds: ["behind:/data/volume"] } });
  expect((await box.write(id, "/data/volume", makeTar([{ name: "f", content: "f" }]))).status).toBe(200);
  expect((await box.read(id, "/mnt/elsewhere")).members.get("elsewhere/volume/f")?.content.toString()).toBe("f");
});

test("a container that ends while it is looked at is looked at all the same", async () => {
  const id = await box.api.create({ Cmd: ["true"] });
  for (let count = 0; count < 15; count++) {
    const started = box.api.call("POST", `/containers/${id}/start`);
    const looks = Array.from({ length: 6 }, () => box.stat(id, "/etc/passwd"));
    for (const found of await Promise.all(looks)) expect(found).toMatchObject({ name: "passwd" });
    await started;
    await box.api.wait(id);
  }
});

test("a running container's tmpfs is seen and written", async () => {
  const id = await box.running("echo t > /scratch/t", { HostConfig: { Tmpfs: { "/scratch": "" } } });
  expect((await box.read(id, "/scratch")).members.get("scratch/t")?.content.toString()).toBe("t\n");
  expect((await box.write(id, "/scratch", makeTar([{ name: "u", content: "u" }]))).status).toBe(200);
  expect((await box.api.exec(id, ["cat", "/scratch/u"])).stdout).toBe("u");
});

test.each(["gzip", "bzip2", "xz", "zstd"])("an upload may be compressed with %s", async (program) => {
  const id = await box.running("true");
  const archive = makeTar([{ name: "packed", content: "content".repeat(10_000) }]);
  const packed = compressWith(program, archive);
  expect(await box.write(id, "/tmp", packed)).toEqual({ status: 200, message: "" });
  expect((await box.read(id, "/tmp/packed")).members.get("packed")?.content.length).toBe(70_000);
});

test("a download is compressed for those who accept it", async () => {
  const id = await box.running("mkdir /d; for i in 1 2 3; do head -c 100000 /dev/zero > /d/$i; done");
  const response = await box.daemon.request(`/containers/${id}/archive?path=/d`, {
    headers: { "Accept-Encoding": "gzip" },
    decompress: false,
  } as RequestInit);
  expect(response.headers.get("Content-Encoding")).toBe("gzip");
  const bytes = new Uint8Array(await response.arrayBuffer());
  expect(bytes.length).toBeLessThan(5000);
  expect([...readTar(Bun.gunzipSync(bytes)).keys()]).toEqual(["d/", "d/1", "d/2", "d/3"]);
});

test("a read-only root and read-only volumes are not written to, volumes in them are", async () => {
  const HostConfig = { ReadonlyRootfs: true, Binds: ["rw:/rw", "ro:/ro:ro"] };
  const id = await box.running("true", { HostConfig });
  const archive = makeTar([{ name: "x", content: "x" }]);
  const answers = async () => [
    await box.write(id, "/tmp", archive),
    await box.write(id, "/ro", archive),
    await box.write(id, "/rw", archive),
  ];
  const expected = [
    { status: 403, message: "container rootfs is marked read-only" },
    { status: 403, message: "mounted volume is marked read-only" },
    { status: 200, message: "" },
  ];
  expect(await answers()).toEqual(expected);
  await box.api.call("POST", `/containers/${id}/stop?t=1`);
  expect(await answers()).toEqual(expected);
});

test("noOverwriteDirNonDir keeps directories and others apart; without it they replace one another", async () => {
  const id = await box.running("mkdir -p /t/dir/sub; echo f > /t/file");
  const file = makeTar([{ name: "dir", content: "now a file" }]);
  const directory = makeTar([{ name: "file/", type: "directory" }]);
  expect(await box.write(id, "/t", file, "&noOverwriteDirNonDir=1")).toEqual({
    status: 400,
    message: 'cannot overwrite directory "/t/dir" with non-directory "/t"',
  });
  expect(await box.write(id, "/t", directory, "&noOverwriteDirNonDir=true")).toMatchObject({
    message: 'cannot overwrite non-directory "/t/file" with directory "/t"',
  });
  expect([(await box.write(id, "/t", file)).status, (await box.write(id, "/t", directory)).status]).toEqual([200, 200]);
  const { stdout } = await box.api.exec(id, ["stat", "-c", "%F", "/t/dir", "/t/file"]);
  expect(stdout).toBe("regular file\ndirectory\n");
});

test("archive-path, extract-to-dir and export are events", async () => {
  const id = await box.running("true");
  const since = Math.floor(Date.now() / 1000) - 5;
  await box.read(id, "/etc");
  await box.write(id, "/tmp", makeTar([]));
  await (await box.daemon.request(`/containers/${id}/export`)).arrayBuffer();
  const query = `since=${since}&until=${Math.ceil(Date.now() / 1000)}&filters=${encodeURIComponent(JSON.stringify({ container: [id] }))}`;
  const lines = (await (await box.daemon.request(`/events?${query}`)).text()).trim().split("\n");
  const actions = lines.map((line) => (JSON.parse(line) as { Action: string }).Action);
  expect(actions.filter((action) => /archive|extract|export/.test(action))).toEqual([
    "archive-path",
    "extract-to-dir",
    "export",
  ]);
});

test("a container that is gone while its files are read breaks the download off", async () => {
  const id = await box.running("mkdir /big; truncate -s 500M /big/f");
  const response = await box.daemon.request(`/containers/${id}/archive?path=/big`);
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  await reader.read();
  await box.api.call("DELETE", `/containers/${id}?force=1`);
  const rest = (async () => {
    for (let next = await reader.read(); !next.done; next = await reader.read());
  })();
  expect(
    await rest.then(
      () => "whole",
      () => "broken off",
    ),
  ).toBe("broken off");
  expect((await box.write(id, "/", makeTar([]))).status).toBe(404);
});

test("many copies at once, abandoned ones and refused ones leave no descriptor and no thread", async () => {
  const id = await box.running("mkdir /big; truncate -s 50M /big/f; ln -s /etc /l");
  const round = async () => {
    const abandoned = Array.from({ length: 4 }, async () => {
      const response = await box.daemon.request(`/containers/${id}/archive?path=/big`);
      await response.body?.cancel();
    });
    const refused = [
      box.stat(id, "/no"),
      box.write(id, "/no", makeTar([])),
      box.write(id, "/tmp", Buffer.alloc(999, 7)),
    ];
    const others = Array.from({ length: 8 }, (_, index) => [
      box.read(id, "/etc"),
      box.write(id, "/tmp", makeTar([{ name: `f${index}`, content: "x" }])),
    ]);
    await Promise.all([...abandoned, ...refused, ...others.flat()]);
  };
  await round();
  const settled = () => until("workers ended", () => box.holdings().threads < 40);
  await settled();
  const before = box.holdings();
  for (let count = 0; count < 3; count++) await round();
  await until("everything was given back", () => {
    const now = box.holdings();
    return now.descriptors <= before.descriptors && now.threads <= before.threads + 2;
  });
  expect((await box.read(id, "/tmp")).members.size).toBe(9);
}, 60_000);

test("an upload that its client abandons keeps neither worker nor stopped container", async () => {
  const id = await box.api.create({ Cmd: ["true"] });
  await box.write(id, "/tmp", makeTar([]));
  const before = box.holdings();
  const head = makeTar([
    { name: "first", content: "first" },
    { name: "second", content: "x".repeat(100_000) },
  ]);
  const gone = new AbortController();
  const upload = box.daemon.request(`/containers/${id}/archive?path=/tmp`, {
    method: "PUT",
    body: new ReadableStream({ start: (sink) => sink.enqueue(head.slice(0, 50_000)) }),
    signal: gone.signal,
  });
  const upper = await box.upper(id);
  await until("the first file is there", () => existsSync(join(upper, "tmp/first")));
  gone.abort();
  await upload.catch(() => undefined);
  // Removal waits for whoever writes to a stopped container.
  expect((await box.api.call("DELETE", `/containers/${id}`)).status).toBe(204);
  await until("everything was given back", () => {
    const now = box.holdings();
    return now.descriptors <= before.descriptors && now.threads <= before.threads;
  });
});

test("more copies at once than there are workers wait for their turn", async () => {
  const id = await box.running("mkdir /big; truncate -s 5M /big/f");
  const reads = Array.from({ length: 80 }, () => box.read(id, "/big"));
  const busiest = until("many are at work", () => box.holdings().threads > 40).then(() => box.holdings().threads);
  const sizes = (await Promise.all(reads)).map(({ members }) => members.get("big/f")?.entry.sizeBytes);
  expect(sizes).toEqual(Array(80).fill(5 * 2 ** 20));
  expect(await busiest).toBeLessThan(120);
}, 60_000);

test("a file with a hole of a gigabyte passes without being in memory", async () => {
  const id = await box.running("truncate -s 1G /hole");
  const memory = () => Number(/VmRSS:\s+(\d+)/.exec(readStatus())?.[1]) / 1024;
  const readStatus = () => readFileSync(`/proc/${box.daemon.pid()}/status`, "utf8");
  const before = memory();
  const response = await box.daemon.request(`/containers/${id}/archive?path=/hole`);
  let [bytes, most] = [0, 0];
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    most = Math.max(most, memory());
  }
  expect(bytes).toBeGreaterThan(2 ** 30);
  expect(most - before).toBeLessThan(200);
}, 60_000);

test("nothing is left when every container is removed", async () => {
  expect(await box.daemon.leakCheck()).toEqual([]);
});
