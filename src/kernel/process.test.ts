import { expect, test } from "bun:test";
import { closeFd } from "./files.ts";
import { openPidfd, parseStartTicks, readStartTicks } from "./process.ts";

test("the start time is found behind a name that holds anything", () => {
  const rest = `S ${Array.from({ length: 18 }, (_, i) => i + 4).join(" ")} 4242 0 0`;
  expect(parseStartTicks(`17 (sh) ${rest}`)).toBe(4242n);
  expect(parseStartTicks(`17 (a) b ) (c) ${rest}`)).toBe(4242n);
  expect(parseStartTicks("17 (sh) S 1")).toBeUndefined();
});

test("a pidfd is given for the very process only", () => {
  const startTicks = readStartTicks(process.pid) ?? 0n;
  const fd = openPidfd({ pid: process.pid, startTicks });
  expect(fd).toBeDefined();
  if (fd !== undefined) closeFd(fd);
  expect(openPidfd({ pid: process.pid, startTicks: startTicks + 1n })).toBeUndefined();
});
