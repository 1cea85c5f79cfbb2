import type { Container, ContainerState, Health } from "../../containers/containers.ts";
import type { WireHealth, WireState } from "../../wire/containers.ts";
import { formatTime, humanDuration, ZERO_TIME } from "../time.ts";

/** Docker's booleans, derived: `Running` is true while paused or between restarts too. */
export function encodeState({ state, health }: Pick<Container, "state" | "health">): WireState {
  const { status } = state;
  const run = runOf(state);
  return {
    Status: status,
    Running: status === "running" || status === "paused" || status === "restarting",
    Paused: status === "paused",
    Restarting: status === "restarting",
    OOMKilled: run.oomKilled,
    Dead: status === "dead",
    Pid: status === "running" || status === "paused" ? state.pid : 0,
    ExitCode: run.exitCode,
    Error: run.error,
    StartedAt: run.startedAt === undefined ? ZERO_TIME : formatTime(run.startedAt),
    FinishedAt: run.finishedAt === undefined ? ZERO_TIME : formatTime(run.finishedAt),
    ...(health === undefined ? {} : { Health: encodeHealth(health) }),
  };
}

function encodeHealth({ status, failingStreak, log }: Health): WireHealth {
  return {
    Status: status,
    FailingStreak: failingStreak,
    Log: log.map(({ startedAt, endedAt, exitCode, output }) => ({
      Start: formatTime(startedAt),
      End: formatTime(endedAt),
      ExitCode: exitCode,
      Output: output,
    })),
  };
}

interface RunFacts {
  exitCode: number;
  error: string;
  oomKilled: boolean;
  startedAt?: Date;
  finishedAt?: Date;
}

function runOf(state: ContainerState): RunFacts {
  switch (state.status) {
    case "created":
      return { exitCode: state.failure?.code ?? 0, error: state.failure?.error ?? "", oomKilled: false };
    case "running":
    case "paused":
      return { exitCode: 0, error: "", oomKilled: false, startedAt: state.startedAt };
    case "restarting":
    case "exited": {
      const { code, oomKilled, finishedAt } = state.exit;
      const error = state.status === "exited" ? state.error : "";
      return { exitCode: code, error, oomKilled, startedAt: state.startedAt, finishedAt };
    }
    case "removing":
      return { exitCode: state.exitCode, error: "", oomKilled: false };
    case "dead":
      return { exitCode: state.exitCode, error: state.reason, oomKilled: false };
  }
}

function healthText(health: Health | undefined): string {
  if (health === undefined) return "";
  return health.status === "starting" ? " (health: starting)" : ` (${health.status})`;
}

/** The `STATUS` column of `docker ps`. */
export function statusText({ state, health }: Pick<Container, "state" | "health">, now: Date): string {
  const ago = (date: Date) => humanDuration(Math.max(0, now.getTime() - date.getTime()));
  switch (state.status) {
    case "created":
      return "Created";
    case "running":
      return `Up ${ago(state.startedAt)}${healthText(health)}`;
    case "paused":
      return `Up ${ago(state.startedAt)} (Paused)`;
    case "restarting":
      return `Restarting (${state.exit.code}) ${ago(state.exit.finishedAt)} ago`;
    case "exited":
      return `Exited (${state.exit.code}) ${ago(state.exit.finishedAt)} ago`;
    case "removing":
      return "Removal In Progress";
    case "dead":
      return "Dead";
  }
}
