import type { RestartPolicy } from "./container-spec.ts";

const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 60_000;
/** A run this long was a success: the next wait begins anew. */
const RESET_AFTER_MS = 10_000;

export interface EndedRun {
  code: number;
  ranForMs: number;
  restartCount: number;
  /** `docker stop` or `kill` ended it. */
  stoppedByUser: boolean;
  /** The wait before this run; 0: none. */
  lastBackoffMs: number;
}

export type RestartDecision = { restart: false } | { restart: true; delayMs: number };

/** What the policy makes of the end of a run. Pure. */
export function decideRestart(policy: RestartPolicy, ended: EndedRun): RestartDecision {
  if (ended.stoppedByUser || !wantsRestart(policy, ended)) return { restart: false };
  const last = ended.ranForMs >= RESET_AFTER_MS ? 0 : ended.lastBackoffMs;
  return { restart: true, delayMs: last === 0 ? FIRST_BACKOFF_MS : Math.min(last * 2, MAX_BACKOFF_MS) };
}

function wantsRestart(policy: RestartPolicy, { code, restartCount }: EndedRun): boolean {
  switch (policy.name) {
    case "no":
      return false;
    case "always":
    case "unless-stopped":
      return true;
    case "on-failure":
      return code !== 0 && (policy.maximumRetryCount === 0 || restartCount < policy.maximumRetryCount);
  }
}

/** Whether a container that does not run is started when the daemon starts: `always` even after `docker stop`. */
export function startsWithDaemon(
  policy: RestartPolicy,
  stopped: { code: number; stoppedByUser: boolean; restartCount: number },
): boolean {
  switch (policy.name) {
    case "always":
      return true;
    case "unless-stopped":
      return !stopped.stoppedByUser;
    case "no":
    case "on-failure":
      return wantsRestart(policy, { ...stopped, ranForMs: 0, lastBackoffMs: 0 }) && !stopped.stoppedByUser;
  }
}
