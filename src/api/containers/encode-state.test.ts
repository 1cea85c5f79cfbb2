import { expect, test } from "bun:test";
import type { ContainerState } from "../../containers/containers.ts";
import { encodeState, statusText } from "./encode-state.ts";

const now = new Date("2026-01-01T12:00:00Z");
const startedAt = new Date("2026-01-01T10:00:00Z");
const exit = { code: 3, signal: 0, oomKilled: false, finishedAt: new Date("2026-01-01T11:59:58Z") };
const running = { pid: 7, startTicks: 1n, startedAt };

const states: [ContainerState, string, booleans: string][] = [
  [{ status: "created" }, "Created", ""],
  [{ status: "running", ...running }, "Up 2 hours", "Running"],
  [{ status: "paused", ...running }, "Up 2 hours (Paused)", "Running Paused"],
  [{ status: "restarting", exit, startedAt, retryAt: now }, "Restarting (3) 2 seconds ago", "Running Restarting"],
  [{ status: "exited", exit, startedAt, error: "" }, "Exited (3) 2 seconds ago", ""],
  [{ status: "removing", exitCode: 0 }, "Removal In Progress", ""],
  [{ status: "dead", exitCode: 0, reason: "r" }, "Dead", "Dead"],
];

test.each(states)("$0.status", (state, text, booleans) => {
  expect(statusText({ state }, now)).toBe(text);
  const wire = encodeState({ state });
  const set = (["Running", "Paused", "Restarting", "Dead"] as const).filter((name) => wire[name]);
  expect(set.join(" ")).toBe(booleans);
});

test("a failed first start shows in ExitCode and Error", () => {
  const wire = encodeState({ state: { status: "created", failure: { code: 127, error: "not found" } } });
  expect([wire.ExitCode, wire.Error, wire.StartedAt]).toEqual([127, "not found", "0001-01-01T00:00:00Z"]);
});

const log = [{ startedAt, endedAt: now, exitCode: 1, output: "no\n" }];

test.each([
  ["starting", "Up 2 hours (health: starting)"],
  ["healthy", "Up 2 hours (healthy)"],
  ["unhealthy", "Up 2 hours (unhealthy)"],
] as const)("a container whose health is %s", (status, text) => {
  const checked = { state: { status: "running", ...running } as const, health: { status, failingStreak: 2, log } };
  expect(statusText(checked, now)).toBe(text);
  expect(encodeState(checked).Health).toEqual({
    Status: status,
    FailingStreak: 2,
    Log: [{ Start: "2026-01-01T10:00:00Z", End: "2026-01-01T12:00:00Z", ExitCode: 1, Output: "no\n" }],
  });
});
