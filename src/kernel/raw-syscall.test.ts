import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { ptr, trySyscall } from "./libc.ts";
import { createMemfd } from "./memfd.ts";
import { rawSyscall } from "./raw-syscall.ts";

const EBADF = 9;
const EINVAL = 22;

test("all six words arrive, and a failure is the answer itself", () => {
  expect(trySyscall("close", -1)).toBe(-EBADF);
  const [source, target] = [
    createMemfd("source", Buffer.from("0123456789")),
    createMemfd("target", Buffer.from("abcdef")),
  ];
  const [from, to] = [new BigInt64Array([4n]), new BigInt64Array([1n])];
  const copy = (flags: number) => trySyscall("copy_file_range", source, ptr(from), target, ptr(to), 3, flags);
  expect(copy(1)).toBe(-EINVAL);
  expect(copy(0)).toBe(3);
  // The places behind the pointers, which the kernel has moved on.
  expect([from[0], to[0]]).toEqual([7n, 4n]);
  for (const fd of [source, target]) expect(trySyscall("close", fd)).toBe(0);
});

test("the code can be read and run, and not be written", () => {
  expect(typeof rawSyscall).toBe("function");
  const page = readFileSync("/proc/self/maps", "utf8")
    .split("\n")
    .find((line) => line.includes("/memfd:syscall"));
  expect(page?.split(" ")[1]).toBe("r-xp");
});
