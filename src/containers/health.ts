import type { ContainerSpec, HealthcheckSpec } from "./container-spec.ts";
import type { ContainerState, Health, ProbeResult } from "./containers.ts";

/** @see Docker's HEALTHCHECK: what a zero means once container and image were combined. */
const DEFAULT_INTERVAL_MS = 30_000;
const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_START_INTERVAL_MS = 5_000;
const DEFAULT_RETRIES = 3;
/** Results that inspect shows. */
const MAX_LOG_ENTRIES = 5;
const DEFAULT_SHELL = ["/bin/sh", "-c"];

/** A health check with its defaults. */
export interface HealthPlan {
  command: string[];
  intervalMs: number;
  timeoutMs: number;
  startPeriodMs: number;
  startIntervalMs: number;
  retries: number;
}

/** undefined: the container has no check, or one of a kind that nobody knows. */
export function healthPlan({
  healthcheck,
  shell,
}: Pick<ContainerSpec, "healthcheck" | "shell">): HealthPlan | undefined {
  const command = healthcheck === undefined ? undefined : probeCommand(healthcheck, shell);
  if (healthcheck === undefined || command === undefined) return undefined;
  const ms = (ns: number, otherwise: number) => (ns > 0 ? Math.max(1, Math.round(ns / 1e6)) : otherwise);
  return {
    command,
    intervalMs: ms(healthcheck.intervalNs, DEFAULT_INTERVAL_MS),
    timeoutMs: ms(healthcheck.timeoutNs, DEFAULT_TIMEOUT_MS),
    startPeriodMs: ms(healthcheck.startPeriodNs, 0),
    startIntervalMs: ms(healthcheck.startIntervalNs, DEFAULT_START_INTERVAL_MS),
    retries: healthcheck.retries > 0 ? healthcheck.retries : DEFAULT_RETRIES,
  };
}

function probeCommand({ test: [kind, ...words] }: HealthcheckSpec, shell: string[]): string[] | undefined {
  if (words.length === 0) return undefined;
  if (kind === "CMD") return words;
  return kind === "CMD-SHELL" ? [...(shell.length > 0 ? shell : DEFAULT_SHELL), ...words] : undefined;
}

/** At each start: what earlier runs logged stays to be looked at. */
export function startingHealth(before: Health | undefined): Health {
  return { status: "starting", failingStreak: 0, log: before?.log ?? [] };
}

/** A check that nobody makes any more counts as failed, as with Docker. */
export function endedHealth(before: Health | undefined): Health | undefined {
  return before === undefined ? undefined : { ...before, status: "unhealthy" };
}

/** `sinceStartMs`: from the start of the container to that of the probe. */
export function afterProbe(before: Health, result: ProbeResult, plan: HealthPlan, sinceStartMs: number): Health {
  const log = [...before.log, result].slice(-MAX_LOG_ENTRIES);
  if (result.exitCode === 0) return { status: "healthy", failingStreak: 0, log };
  const isForgiven = before.status === "starting" && sinceStartMs < plan.startPeriodMs;
  const failingStreak = before.failingStreak + (isForgiven ? 0 : 1);
  return { status: failingStreak >= plan.retries ? "unhealthy" : before.status, failingStreak, log };
}

/** The wait before the next probe. Until the first success the start period has a pace of its own, and ends with a probe. */
export function probeDelayMs(health: Health, plan: HealthPlan, sinceStartMs: number): number {
  const left = plan.startPeriodMs - sinceStartMs;
  return left > 0 && health.status === "starting" ? Math.min(plan.startIntervalMs, left) : plan.intervalMs;
}

/** What lists filter by: `none` where nothing is checked, or nothing was yet. */
export function healthStatus(health: Health | undefined): Health["status"] | "none" {
  return health?.status ?? "none";
}

/** Whether probes make sense now: a frozen process cannot answer. */
export function isProbed(state: ContainerState): boolean {
  return state.status === "running";
}

/** As Go prints durations: `1m30s`, `1.5s`, `100ms`. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${ms}ms`;
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor((ms % 3_600_000) / 60_000);
  const seconds = `${(ms % 60_000) / 1000}s`;
  return `${hours > 0 ? `${hours}h` : ""}${hours > 0 || minutes > 0 ? `${minutes}m` : ""}${seconds}`;
}
