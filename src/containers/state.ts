import { conflict } from "../base/errors.ts";
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

type FactOf<K extends Fact["fact"]> = Extract<Fact, { fact: K }>;
type StateOf<K extends ContainerState["status"]> = Extract<ContainerState, { status: K }>;

/** What follows from a state: the facts that can happen in it, and where they lead. */
type Follows<S> = { [K in Fact["fact"]]?: (state: S, fact: FactOf<K>) => ContainerState };

const CREATED: Follows<StateOf<"created">> = {
  started: (_state, fact) => running(fact),
  // A container that never ran stays "created" with Docker: State.StartedAt is zero, ExitCode and Error are set.
  "start-failed": (_state, fact) => ({ status: "created", failure: { code: fact.code, error: fact.error } }),
  "removal-began": (state) => ({ status: "removing", exitCode: exitCodeOf(state) }),
};

const EXITED: Follows<StateOf<"exited">> = {
  started: (_state, fact) => running(fact),
  "start-failed": (state, fact) => ({ ...state, exit: failedExit(fact), error: fact.error }),
  "removal-began": (state) => ({ status: "removing", exitCode: state.exit.code }),
};

const RUNNING: Follows<StateOf<"running" | "paused">> = {
  paused: (state) => ({ ...state, status: "paused" }),
  exited: (state, { exit }) => ({ status: "exited", exit, startedAt: state.startedAt, error: "" }),
  "restart-scheduled": (state, { exit, retryAt }) => ({
    status: "restarting",
    exit,
    retryAt,
    startedAt: state.startedAt,
  }),
};

const { paused: _, ...ENDS } = RUNNING;
const PAUSED: typeof RUNNING = { ...ENDS, resumed: (state) => ({ ...state, status: "running" }) };

const RESTARTING: Follows<StateOf<"restarting">> = {
  started: (_state, fact) => running(fact),
  "start-failed": (state, fact) => ({
    status: "exited",
    exit: failedExit(fact),
    startedAt: state.startedAt,
    error: fact.error,
  }),
  "restart-cancelled": ({ exit, startedAt }) => ({ status: "exited", exit, startedAt, error: "" }),
  "removal-began": (state) => ({ status: "removing", exitCode: state.exit.code }),
};

const REMOVING: Follows<StateOf<"removing">> = {
  "removal-failed": (state, { reason }) => ({ status: "dead", exitCode: state.exitCode, reason }),
};

const DEAD: Follows<StateOf<"dead">> = {
  "removal-began": (state) => ({ status: "removing", exitCode: state.exitCode }),
};

const FOLLOWS: Record<ContainerState["status"], Follows<never>> = {
  created: CREATED,
  running: RUNNING,
  paused: PAUSED,
  restarting: RESTARTING,
  exited: EXITED,
  removing: REMOVING,
  dead: DEAD,
};

/** The state after `fact`. Throws conflict where it cannot follow. Pure. */
export function next(state: ContainerState, fact: Fact): ContainerState {
  const follow = FOLLOWS[state.status][fact.fact] as
    | ((state: ContainerState, fact: Fact) => ContainerState)
    | undefined;
  if (follow === undefined) throw conflict(`a container that is ${state.status} cannot have ${fact.fact}`);
  return follow(state, fact);
}

function running(fact: FactOf<"started">): ContainerState {
  return { status: "running", pid: fact.pid, startTicks: fact.startTicks, startedAt: fact.startedAt };
}

function failedExit(fact: FactOf<"start-failed">): Exit {
  return { code: fact.code, signal: 0, oomKilled: false, finishedAt: fact.at };
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
