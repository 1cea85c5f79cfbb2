import { expect, test } from "bun:test";
import type { ContainerSpec, MountSpec } from "./container-spec.ts";
import { parseVolumesFrom, planMounts } from "./plan-mounts.ts";

const common = { readOnly: false, from: "mounts", mode: "" } as const;
const bind = (source: string, destination: string): MountSpec => ({
  ...common,
  type: "bind",
  source,
  destination,
  createSource: false,
  nonRecursive: false,
  readOnlyNonRecursive: false,
  readOnlyForceRecursive: false,
});
const volume = (source: string, destination: string, subpath = ""): MountSpec => ({
  ...common,
  type: "volume",
  source,
  destination,
  driver: "",
  driverOptions: {},
  labels: {},
  noCopy: false,
  subpath,
});

function spec(mounts: MountSpec[], more: Partial<ContainerSpec> = {}): ContainerSpec {
  return { mounts, tmpfs: {}, anonymousVolumes: [], volumeDriver: "", ...more } as ContainerSpec;
}

function lines(asked: ContainerSpec, inherited: Parameters<typeof planMounts>[1] = []): string[] {
  return planMounts(asked, inherited).map(
    ({ mount }) => `${mount.type} ${mount.name || mount.source}->${mount.destination}${mount.readWrite ? "" : " ro"}`,
  );
}

test("destinations are cleaned, image volumes give way to the user's mounts", () => {
  const asked = spec([bind("/src/", "/a//b/../c/"), volume("data", "/var/lib/x")], {
    anonymousVolumes: ["/a/c", "/../../etc/y", "plain"],
    tmpfs: { "/tmp": "" },
  });
  expect(lines(asked)).toEqual(["bind /src->/a/c", "volume data->/var/lib/x", "volume ->/etc/y", "volume ->/plain"]);
});

test("volumes of another container lie below the user's own mounts", () => {
  const [first, second] = planMounts(spec([volume("one", "/one"), volume("two", "/two")]), []).map((one) => one.mount);
  const inherited = [{ mounts: [first!, second!], readOnly: true }];
  expect(lines(spec([bind("/x", "/two")]), inherited)).toEqual(["volume one->/one ro", "bind /x->/two"]);
});

test.each([
  [[bind("/x", "/")], `invalid mount config for type "bind": invalid specification: destination can't be '/'`],
  [[bind("/x", "a")], `invalid mount config for type "bind": invalid mount path: 'a' mount path must be absolute`],
  [[bind("x", "/a")], `invalid mount config for type "bind": invalid mount path: 'x' mount path must be absolute`],
  [[bind("", "/a")], `invalid mount config for type "bind": field Source must not be empty`],
  [[bind("/x", "")], `invalid mount config for type "bind": field Target must not be empty`],
  [[bind("/x", "/a"), volume("v", "/a/")], "Duplicate mount point: /a"],
  [[volume("v", "/a", "../up")], "subpath must be a relative path within the volume"],
  [[volume("", "/a", "sub")], "must not set Subpath when using anonymous volumes"],
] as [MountSpec[], string][])("refuses %j", (mounts, text) => {
  expect(() => planMounts(spec(mounts), [])).toThrow(text);
});

test("--volumes-from with and without a mode", () => {
  expect(parseVolumesFrom("db")).toEqual({ reference: "db", readOnly: false });
  expect(parseVolumesFrom("db:ro,z")).toEqual({ reference: "db", readOnly: true });
  expect(() => parseVolumesFrom("db:shared")).toThrow("invalid mode: shared");
});
