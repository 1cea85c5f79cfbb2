import { describe, expect, test } from "bun:test";
import type { ContainerState } from "./containers.ts";
import { assertCan, type Command, refusal } from "./guards.ts";
import { decodeRun, encodeRun, newRun } from "./record.ts";
import { exitCodeOf, type Fact, isRunning, next } from "./state.ts";

const at = new Date("2026-01-02T03:04:05.678Z");
const exit = { code: 7, signal: 0, oomKilled: false, finishedAt: at };

const STATES: ContainerState[] = [
  { status: "created" },
  { status: "running", pid: 10, startTicks: 99n, startedAt: at },
  { status: "paused", pid: 10, startTicks: 99n, startedAt: at },
  { status: "restarting", exit, startedAt: at, retryAt: at },
  { status: "exited", exit, startedAt: at, error: "" },
  { status: "removing", exitCode: 7 },
  { status: "dead", exitCode: 7, reason: "disk" },
];

const FACTS: Fact[] = [
  { fact: "started", pid: 11, startTicks: 100n, startedAt: at },
  { fact: "start-failed", code: 127, error: "no", at },
  { fact: "paused" },
  { fact: "resumed" },
  { fact: "exited", exit },
  { fact: "restart-scheduled", exit, retryAt: at },
  { fact: "restart-cancelled" },
  { fact: "removal-began" },
  { fact: "removal-failed", reason: "disk" },
];

/** Rows are states, columns facts in the order above; `-`: the fact cannot happen there. */
const MATRIX = `
created    | running created - - - - - removing -
running    | - - paused - exited restarting - - -
paused     | - - - running exited restarting - - -
restarting | running exited - - - - exited removing -
exited     | running exited - - - - - removing -
removing   | - - - - - - - - dead
dead       | - - - - - - - removing -
`;

function outcome(state: ContainerState, fact: Fact): string {
  try {
    return next(state, fact).status;
  } catch {
    return "-";
  }
}

describe("next", () => {
  test("every fact in every state leads where the table says", () => {
    const rows = STATES.map(
      (state) => `${state.status.padEnd(10)} | ${FACTS.map((fact) => outcome(state, fact)).join(" ")}`,
    );
    expect(`\n${rows.join("\n")}\n`).toBe(MATRIX);
  });

  test("a first start that failed stays created, with code and text", () => {
    const failed = next({ status: "created" }, { fact: "start-failed", code: 127, error: "no", at });
    expect(failed).toEqual({ status: "created", failure: { code: 127, error: "no" } });
    expect(exitCodeOf(failed)).toBe(127);
  });

  test("only running, paused and restarting count as running", () => {
    expect(STATES.filter(isRunning).map((state) => state.status)).toEqual(["running", "paused", "restarting"]);
  });
});

describe("a record", () => {
  test("brings back every state as it was", () => {
    for (const state of STATES) {
      const run = { ...newRun("boot"), state };
      expect(decodeRun(encodeRun(run))).toEqual(run);
    }
  });
});

const COMMANDS: Command[] = ["start", "kill", "pause", "unpause", "remove", "exec", "attach", "resize", "top", "logs"];
const subject = { id: "abc", name: "web", reference: "x" };

describe("guards", () => {
  test("what is allowed in which state", () => {
    const table = STATES.map((state) => {
      const allowed = COMMANDS.filter((command) => refusal(state, command, subject) === undefined);
      return `${state.status}: ${allowed.join(" ")}`;
    });
    expect(table).toEqual([
      "created: start remove attach logs",
      "running: start kill pause exec attach resize top logs",
      "paused: kill unpause resize top logs",
      "restarting: start kill logs",
      "exited: start remove attach logs",
      "removing: remove",
      "dead: remove",
    ]);
  });

  test.each([
    [0, "kill", "cannot kill container: x: container abc is not running"],
    [0, "pause", "container abc is not running"],
    [2, "pause", "container abc is already paused"],
    [1, "unpause", "container abc is not paused"],
    [2, "start", "cannot start a paused container, try unpause instead"],
    [5, "start", "container is marked for removal and cannot be started"],
    [
      1,
      "remove",
      'cannot remove container "/web": container is running: stop the container before removing or force remove',
    ],
    [2, "remove", 'cannot remove container "/web": container is paused and must be unpaused first'],
    [2, "exec", "container abc is paused, unpause the container before exec"],
    [3, "exec", "container abc is restarting, wait until the container is running"],
  ] as [number, Command, string][])("state %d refuses %s in Docker's words", (index, command, text) => {
    expect(() => assertCan(STATES[index] as ContainerState, command, subject)).toThrow(text);
  });
});
