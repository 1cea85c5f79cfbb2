import { describe, expect, test } from "bun:test";
import type { Health } from "./containers.ts";
import { afterProbe, durationText, type HealthPlan, healthPlan, probeDelayMs } from "./health.ts";
import { MAX_PROBE_OUTPUT_BYTES, ProbeOutput } from "./health-output.ts";

const UNSET = { intervalNs: 0, timeoutNs: 0, startPeriodNs: 0, startIntervalNs: 0, retries: 0 };
const commandOf = (test: string[], shell: string[] = []) =>
  healthPlan({ healthcheck: { test, ...UNSET }, shell })?.command;

test("the command of a check", () => {
  expect(commandOf(["CMD", "curl", "-f", "x y"])).toEqual(["curl", "-f", "x y"]);
  expect(commandOf(["CMD-SHELL", "exit 1"])).toEqual(["/bin/sh", "-c", "exit 1"]);
  expect(commandOf(["CMD-SHELL", "exit 1"], ["/bin/ash", "-ec"])).toEqual(["/bin/ash", "-ec", "exit 1"]);
  for (const none of [[], ["NONE"], ["CMD"], ["WHAT", "x"]]) expect(commandOf(none)).toBeUndefined();
});

test("what is not set has Docker's defaults", () => {
  expect(healthPlan({ healthcheck: { test: ["CMD", "x"], ...UNSET }, shell: [] })).toEqual({
    command: ["x"],
    intervalMs: 30_000,
    timeoutMs: 30_000,
    startPeriodMs: 0,
    startIntervalMs: 5000,
    retries: 3,
  });
});

const plan: HealthPlan = {
  command: ["x"],
  intervalMs: 1000,
  timeoutMs: 1000,
  startPeriodMs: 10_000,
  startIntervalMs: 100,
  retries: 2,
};
const at = (status: Health["status"], failingStreak = 0): Health => ({ status, failingStreak, log: [] });
const result = (exitCode: number) => ({ startedAt: new Date(0), endedAt: new Date(1), exitCode, output: "" });

describe("afterProbe()", () => {
  test.each([
    ["starting", 0, 0, 0, "healthy 0"],
    ["starting", 0, 1, 500, "starting 0"],
    ["starting", 0, 1, 10_000, "starting 1"],
    ["starting", 1, 1, 10_000, "unhealthy 2"],
    ["healthy", 0, 1, 500, "healthy 1"],
    ["healthy", 1, 1, 500, "unhealthy 2"],
    ["unhealthy", 2, 1, 20_000, "unhealthy 3"],
    ["unhealthy", 7, 0, 20_000, "healthy 0"],
  ] as const)("%s with %d failures, exit code %d after %d ms: %s", (status, streak, code, sinceMs, expected) => {
    const after = afterProbe(at(status, streak), result(code), plan, sinceMs);
    expect(`${after.status} ${after.failingStreak}`).toBe(expected);
  });

  test("keeps the last five results", () => {
    let health = at("starting");
    for (let code = 1; code <= 7; code++) health = afterProbe(health, result(code), plan, 0);
    expect(health.log.map(({ exitCode }) => exitCode)).toEqual([3, 4, 5, 6, 7]);
  });
});

describe("probeDelayMs()", () => {
  test.each([
    ["starting", 0, 100],
    ["healthy", 0, 1000],
    ["starting", 9950, 50],
    ["healthy", 9950, 1000],
    ["starting", 10_000, 1000],
    ["unhealthy", 99_000, 1000],
  ] as const)("%s after %d ms: %d", (status, sinceMs, expected) => {
    expect(probeDelayMs(at(status), plan, sinceMs)).toBe(expected);
  });
});

describe("ProbeOutput", () => {
  const frame = (text: string) => {
    const header = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);
    header.writeUInt32BE(Buffer.byteLength(text), 4);
    return Buffer.concat([header, Buffer.from(text)]);
  };
  const read = (bytes: Buffer, step: number) => {
    const output = new ProbeOutput();
    for (let from = 0; from < bytes.length; from += step) output.push(bytes.subarray(from, from + step));
    return output.text();
  };

  test.each([1, 3, 8, 1000])("takes frames apart in pieces of %d bytes", (step) => {
    expect(read(Buffer.concat([frame("out "), frame(""), frame("err\n")]), step)).toBe("out err\n");
  });

  test("keeps so much and says that there was more", () => {
    expect(read(frame("x".repeat(MAX_PROBE_OUTPUT_BYTES)), 1000)).toBe("x".repeat(MAX_PROBE_OUTPUT_BYTES));
    const text = read(Buffer.concat([frame("x".repeat(4000)), frame("y".repeat(4000))]), 777);
    expect(text).toBe(`${"x".repeat(4000)}${"y".repeat(96)}...`);
  });
});

test.each([
  [100, "100ms"],
  [1000, "1s"],
  [1500, "1.5s"],
  [90_000, "1m30s"],
  [3_600_000, "1h0m0s"],
])("%d ms is %s", (ms, text) => expect(durationText(ms)).toBe(text));
