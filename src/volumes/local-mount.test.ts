import { expect, test } from "bun:test";
import { localMount, validateVolumeOptions } from "./local-mount.ts";

test.each([
  [{}, ""],
  [{ type: "tmpfs", device: "tmpfs", o: "size=1m" }, ""],
  [{ type: "none", device: "/srv", o: "bind" }, ""],
  [{ size: "0" }, ""],
  [{ nope: "x" }, 'create v: invalid option: "nope"'],
  [{ o: "bind" }, 'create v: missing required option: "device"'],
  [{ type: "tmpfs" }, 'create v: missing required option: "device"'],
  [{ device: "/srv" }, 'create v: missing required option: "type"'],
  [{ size: "10G" }, "create v: quota size requested but no quota support"],
  [{ size: "big" }, "create v: invalid size: 'big'"],
] as [Record<string, string>, string][])("options %j: %p", (options, expected) => {
  const check = () => validateVolumeOptions("v", options);
  if (expected === "") expect(check).not.toThrow();
  else expect(check).toThrow(expected);
});

test("what is mounted", () => {
  expect(localMount({})).toBeUndefined();
  expect(localMount({ size: "0" })).toBeUndefined();
  expect(localMount({ type: "tmpfs", device: "tmpfs", o: "size=1m,,nosuid" })).toEqual({
    kind: "fs",
    fstype: "tmpfs",
    source: "tmpfs",
    words: ["size=1m", "nosuid"],
  });
  expect(localMount({ type: "none", device: "/srv", o: "rbind,ro" })).toEqual({
    kind: "bind",
    source: "/srv",
    recursive: true,
    words: ["ro"],
  });
});
