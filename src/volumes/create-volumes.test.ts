import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { createSystemClock } from "../base/clock.ts";
import { randomId } from "../base/ids.ts";
import { silentLogger } from "../base/logger.ts";
import { createMemoryVolumeRecords, type VolumeRecords } from "../storage/records/volumes.ts";
import { createVolumes } from "./create-volumes.ts";
import type { Volumes } from "./volumes.ts";

let root: string;
let records: VolumeRecords;
let volumes: Volumes;
let events: string[];

function open(): Volumes {
  return createVolumes({
    records,
    root,
    usage: async () => 10,
    publish: ({ action, actorId }) => void events.push(`${action} ${actorId}`),
    clock: createSystemClock(),
    logger: silentLogger,
    randomId,
  });
}

beforeEach(() => {
  root = mkdtempSync(`${tmpdir()}/gantry-volumes-`);
  records = createMemoryVolumeRecords();
  events = [];
  volumes = open();
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const spec = (name: string, changes = {}) => ({ name, driver: "", labels: {}, options: {}, ...changes });
const names = async (filters: Record<string, string[]> = {}) =>
  (await volumes.list(filters)).volumes.map((volume) => volume.name);

async function rejection(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "nothing was thrown",
    (error: Error) => error.message,
  );
}

describe("create", () => {
  test("makes a directory, once", async () => {
    const first = await volumes.create(spec("data", { labels: { a: "1" } }));
    expect(first).toMatchObject({ name: "data", driver: "local", mountpoint: `${root}/data/_data`, anonymous: false });
    expect(existsSync(first.mountpoint)).toBe(true);
    expect(await volumes.create(spec("data"))).toEqual(first);
    expect(events).toEqual(["create data"]);
  });

  test("without a name it is anonymous", async () => {
    expect(await volumes.create(spec(""))).toMatchObject({
      anonymous: true,
      name: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  test.each([
    ["a", "create a: volume name is too short, names should be at least two alphanumeric characters"],
    ["../x", 'create ../x: "../x" includes invalid characters for a local volume name'],
    [".hidden", "includes invalid characters"],
    ["a/b", "includes invalid characters"],
    ["x".repeat(256), "includes invalid characters"],
  ])("refuses the name %p", async (name, text) => {
    expect(await rejection(volumes.create(spec(name)))).toContain(text);
    expect(await names()).toEqual([]);
  });

  test("refuses other drivers and unknown options", async () => {
    expect(await rejection(volumes.create(spec("data", { driver: "nope" })))).toBe(
      'create data: error looking up volume plugin nope: plugin "nope" not found',
    );
    expect(await rejection(volumes.create(spec("data", { options: { colour: "red" } })))).toBe(
      'create data: invalid option: "colour"',
    );
  });
});

describe("remove", () => {
  test("is refused while a container refers to it", async () => {
    await volumes.create(spec("data"));
    volumes.hold("data", "c1");
    volumes.hold("data", "c2");
    volumes.release("data", "c1");
    expect(await rejection(volumes.remove("data", { force: true }))).toBe("remove data: volume is in use - [c2]");
    await volumes.discard("data");
    volumes.release("data", "c2");
    await volumes.remove("data", { force: false });
    expect(existsSync(`${root}/data`)).toBe(false);
    expect(events).toEqual(["create data", "destroy data"]);
  });

  test("of what does not exist is an error unless forced", async () => {
    expect(await rejection(volumes.remove("data", { force: false }))).toBe("get data: no such volume");
    await volumes.remove("data", { force: true });
  });
});

describe("list and prune", () => {
  beforeEach(async () => {
    await volumes.create(spec("used", { labels: { app: "web" } }));
    await volumes.create(spec("idle", { labels: { app: "db" } }));
    await volumes.create(spec("anon", { anonymous: true }));
    volumes.hold("used", "c1");
  });

  test.each([
    [{}, "anon idle used"],
    [{ dangling: ["true"] }, "anon idle"],
    [{ dangling: ["0"] }, "used"],
    [{ name: ["us", "an"] }, "anon used"],
    [{ driver: ["other"] }, ""],
    [{ label: ["app"] }, "idle used"],
    [{ label: ["app=db"] }, "idle"],
  ] as [Record<string, string[]>, string][])("list with %j", async (filters, expected) => {
    expect((await names(filters)).join(" ")).toBe(expected);
  });

  test("prune takes anonymous ones, or all that are not used", async () => {
    expect(await volumes.prune({})).toEqual({ removed: ["anon"], reclaimedBytes: 10 });
    expect(await volumes.prune({ all: ["true"], "label!": ["app=db"] })).toEqual({ removed: [], reclaimedBytes: 0 });
    expect(await volumes.prune({ all: ["true"] })).toEqual({ removed: ["idle"], reclaimedBytes: 10 });
    expect(await rejection(volumes.prune({ colour: [] }))).toBe("invalid filter 'colour'");
  });
});

test("what a killed daemon left half made is swept, what it lost is made again", async () => {
  await volumes.create(spec("data"));
  rmSync(`${root}/data`, { recursive: true });
  mkdirSync(`${root}/stray/_data`, { recursive: true });
  mkdirSync(`${root}/.removing-x`);
  volumes = open();
  expect(await names()).toEqual(["data"]);
  expect(existsSync(`${root}/data/_data`)).toBe(true);
  expect(existsSync(`${root}/stray`)).toBe(false);
  expect(existsSync(`${root}/.removing-x`)).toBe(false);
});
