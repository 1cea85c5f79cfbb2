import { expect, test } from "bun:test";
import { splitDevice } from "../base/device-number.ts";
import { parseCpuList, parseHardLimits, parseMountInfo } from "./proc-info.ts";

test("parseMountInfo() finds what follows the dash, and undoes escapes", () => {
  const text =
    "32 31 0:29 / /sys/fs/cgroup/cpu\\040x rw,relatime shared:9 master:1 - cgroup cgroup rw,cpu\n" +
    "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n\nbroken\n";
  expect(parseMountInfo(text)).toEqual([
    { mountPoint: "/sys/fs/cgroup/cpu x", fstype: "cgroup", superOptions: ["rw", "cpu"] },
    { mountPoint: "/sys/fs/cgroup/unified", fstype: "cgroup2", superOptions: ["rw", "nsdelegate"] },
  ]);
});

test("parseHardLimits() takes the second number", () => {
  const text =
    "Limit                     Soft Limit           Hard Limit           Units     \nMax open files            1024                 20000                files     \nMax cpu time              unlimited            unlimited            seconds   \n";
  expect(parseHardLimits(text)).toEqual({ nofile: 20000n, cpu: 0xffffffffffffffffn });
});

test("parseCpuList() spreads ranges and stops at the kernel's limit", () => {
  expect(parseCpuList("0-2,5\n")).toEqual([0, 1, 2, 5]);
  expect(parseCpuList("")).toEqual([]);
  expect(parseCpuList("0-4294967295").length).toBe(8192);
});

test("splitDevice() undoes makedev", () => {
  expect(splitDevice(0x103n)).toEqual({ major: 1, minor: 3 });
  expect(splitDevice((0xabcn << 8n) | 0xcdn | (0x12345n << 20n))).toEqual({ major: 0xabc, minor: 0x12345cd });
});
