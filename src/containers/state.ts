import { conflict, type EngineError } from "../base/errors.ts";
import type { Exit } from "../runtime/launcher/launcher.ts";
import type { ContainerState } from "./containers.ts";

/** What happened to a container. Commands cause facts; only facts change the state. */
export type Fact =
  | { fact: "started"; pid: number; startTicks: bigint; startedAt: Date }
  | { fact: "start-failed"; code: number; error: string; at: Date }
  | { fact: "paused" }
  | { fact: "resumed" }
  | { fact: "exited"; exit: Exit }
  | { fact: "restart-scheduled"; exit: Exit; retryAt: Date }
  | { fact: "restart-cancelled" }
  | { fact: "removal-began" }
  | { fact: "removal-failed"; reason: string };

export type FactOf<K extends Fact["fact"]> = Extract<Fact, { fact: K }>;
export type StateOf<K extends ContainerState["status"]> = Extract<ContainerState, { status: K }>;

/** The state after `fact`. Throws conflict where it cannot follow. Pure. */
export function next(state: ContainerState, fact: Fact): ContainerState {
  switch (state.status) {
    case "created":
    case "exited":
      return fromStopped(state, fact);
    case "running":
    case "paused":
      return fromRunning(state, fact);
    case "restarting":
      return fromRestarting(state, fact);
    case "removing":
      if (fact.fact === "removal-failed") return { status: "dead", exitCode: state.exitCode, reason: fact.reason };
      throw impossible(state, fact);
    case "dead":
      if (fact.fact === "removal-began") return { status: "removing", exitCode: state.exitCode };
      throw impossible(state, fact);
  }
}

function fromStopped(state: StateOf<"created"> | StateOf<"exited">, fact: Fact): ContainerState {
  switch (fact.fact) {
    case "started":
      return running(fact);
    case "start-failed":
      // A container that never ran stays "created" with Docker: State.StartedAt is zero, ExitCode and Error are set.
      return state.status === "created"
        ? { status: "created", failure: { code: fact.code, error: fact.error } }
        : { status: "exited", startedAt: state.startedAt, exit: failedExit(fact), error: fact.error };
    case "removal-began":
      return { status: "removing", exitCode: exitCodeOf(state) };
    default:
      throw impossible(state, fact);
  }
}

function fromRunning(state: StateOf<"running" | "paused">, fact: Fact): ContainerState {
  switch (fact.fact) {
    case "paused":
      if (state.status === "paused") throw impossible(state, fact);
      return { ...state, status: "paused" };
    case "resumed":
      if (state.status === "running") throw impossible(state, fact);
      return { ...state, status: "running" };
    case "exited":
      return { status: "exited", exit: fact.exit, startedAt: state.startedAt, error: "" };
    case "restart-scheduled":
      return { status: "restarting", exit: fact.exit, startedAt: state.startedAt, retryAt: fact.retryAt };
    default:
      throw impossible(state, fact);
  }
}

function fromRestarting(state: StateOf<"restarting">, fact: Fact): ContainerState {
  switch (fact.fact) {
    case "started":
      return running(fact);
    case "start-failed":
      return { status: "exited", exit: failedExit(fact), startedAt: state.startedAt, error: fact.error };
    case "restart-cancelled":
      return { status: "exited", exit: state.exit, startedAt: state.startedAt, error: "" };
    case "removal-began":
      return { status: "removing", exitCode: state.exit.code };
    default:
      throw impossible(state, fact);
  }
}

function running(fact: FactOf<"started">): ContainerState {
  return { status: "running", pid: fact.pid, startTicks: fact.startTicks, startedAt: fact.startedAt };
}

function failedExit(fact: FactOf<"start-failed">): Exit {
  return { code: fact.code, signal: 0, oomKilled: false, finishedAt: fact.at };
}

function impossible(state: ContainerState, fact: Fact): EngineError {
  return conflict(`a container that is ${state.status} cannot have ${fact.fact}`);
}

/** Docker's `Running`: true for restarting and paused too. */
export function isRunning(state: ContainerState): boolean {
  return state.status === "running" || state.status === "paused" || state.status === "restarting";
}

/** What `State.ExitCode` shows: of the last run, 0 before the first. */
export function exitCodeOf(state: ContainerState): number {
  switch (state.status) {
    case "created":
      return state.failure?.code ?? 0;
    case "running":
    case "paused":
      return 0;
    case "restarting":
    case "exited":
      return state.exit.code;
    case "removing":
    case "dead":
      return state.exitCode;
  }
}

/** What `State.Error` shows. */
export function errorOf(state: ContainerState): string {
  if (state.status === "created") return state.failure?.error ?? "";
  if (state.status === "exited") return state.error;
  return state.status === "dead" ? state.reason : "";
}
