import { messageOf } from "../base/errors.ts";
import type { Attachment } from "../runtime/launcher/launcher.ts";
import type { Health, ProbeResult } from "./containers.ts";
import type { Core } from "./core.ts";
import type { Entry } from "./entry.ts";
import type { Execs } from "./exec.ts";
import {
  afterProbe,
  durationText,
  type HealthPlan,
  healthPlan,
  isProbed,
  probeDelayMs,
  startingHealth,
} from "./health.ts";
import { ProbeOutput } from "./health-output.ts";

/** Starting a probe is not part of its own time, but may not take for ever either. */
const START_TIMEOUT_MS = 30_000;
/** What was written just before the end is on its way. */
const LAST_OUTPUT_MS = 1000;
const FAILED = -1;

/**
 * Probes a running container until its task ends, one probe at a time. To be called once for each task that runs, whoever
 * started it: a container that an earlier daemon started keeps the health that it had.
 */
export function watchHealth(core: Core, execs: Execs, entry: Entry): void {
  const plan = healthPlan(entry.definition.spec);
  const { task } = entry;
  const { state } = entry.run;
  if (plan === undefined || task === undefined || (state.status !== "running" && state.status !== "paused")) return;
  const stop = new AbortController();
  entry.probing?.abort();
  entry.probing = stop;
  task.exited.then(
    () => stop.abort(),
    () => stop.abort(),
  );
  const { clock, logger } = core.deps;
  // The wall clock is asked once; from here on a step of it changes nothing.
  const startedMs = clock.monotonicMs() - Math.max(0, clock.now().getTime() - state.startedAt.getTime());
  const sinceStartMs = () => clock.monotonicMs() - startedMs;
  if (entry.run.health === undefined) entry.run = { ...entry.run, health: startingHealth(undefined) };
  probeUntil(core, execs, { entry, plan, sinceStartMs, signal: stop.signal }).catch((error: unknown) => {
    if (!stop.signal.aborted) logger.error("checking health", { container: entry.id, error: messageOf(error) });
  });
}

interface Watch {
  entry: Entry;
  plan: HealthPlan;
  sinceStartMs: () => number;
  signal: AbortSignal;
}

async function probeUntil(core: Core, execs: Execs, { entry, plan, sinceStartMs, signal }: Watch): Promise<void> {
  const { clock } = core.deps;
  const health = () => entry.run.health ?? startingHealth(undefined);
  for (;;) {
    await clock.sleep(probeDelayMs(health(), plan, sinceStartMs()), signal);
    if (!isProbed(entry.run.state)) continue;
    const beganMs = sinceStartMs();
    const startedAt = clock.now();
    const { exitCode, output } = await probe(core, execs, entry, plan);
    if (signal.aborted) return;
    const result: ProbeResult = { startedAt, endedAt: clock.now(), exitCode, output };
    report(core, entry, afterProbe(health(), result, plan, beganMs));
  }
}

/** Written only when the status changes: the log is for people who look now. */
function report(core: Core, entry: Entry, health: Health): void {
  const before = entry.run.health?.status;
  entry.run = { ...entry.run, health };
  if (health.status === before) return;
  core.persist(entry);
  core.publish(entry, `health_status: ${health.status}`);
}

/** Never rejects: a probe that cannot be made is one that failed. */
async function probe(
  core: Core,
  execs: Execs,
  entry: Entry,
  plan: HealthPlan,
): Promise<{ exitCode: number; output: string }> {
  let id: string | undefined;
  try {
    id = execs.create(entry, probeSpec(plan));
    return await runProbe(core, execs, id, plan);
  } catch (error) {
    return { exitCode: FAILED, output: messageOf(error) };
  } finally {
    if (id !== undefined) entry.execs.delete(id);
  }
}

async function runProbe(core: Core, execs: Execs, id: string, { timeoutMs }: HealthPlan) {
  const output = new ProbeOutput();
  const read = readAll(await start(core, execs, id), output);
  if (await endsWithin(core, execs.ended(id), timeoutMs)) {
    await endsWithin(core, read, LAST_OUTPUT_MS);
    return { exitCode: execs.get(id).exitCode ?? FAILED, output: output.text() };
  }
  await execs.kill(id);
  await execs.ended(id);
  const said = output.text();
  const text = `Health check exceeded timeout (${durationText(timeoutMs)})${said === "" ? "" : `: ${said}`}`;
  return { exitCode: FAILED, output: text };
}

/** Never rejects: the exit code tells how the probe went, not its stream. */
async function readAll(attachment: Attachment | undefined, output: ProbeOutput): Promise<void> {
  try {
    for await (const chunk of attachment ?? []) output.push(chunk as Uint8Array);
  } catch {
    // Cut off: what was read is what there is.
  }
}

async function start(core: Core, execs: Execs, id: string) {
  const starting = execs.start(id, { detach: false, tty: false });
  if (await endsWithin(core, starting, START_TIMEOUT_MS)) return starting;
  // It may start yet: nobody waits for it then.
  starting.then(() => execs.kill(id)).catch(() => {});
  throw new Error("timed out starting health check");
}

async function endsWithin({ deps }: Core, work: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  const timer = new AbortController();
  const late = deps.clock.sleep(timeoutMs, timer.signal).then(
    () => false,
    () => false,
  );
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    timer.abort();
  }
}

function probeSpec({ command }: HealthPlan) {
  return {
    command,
    isProbe: true,
    environment: [],
    workingDir: "",
    user: "",
    tty: false,
    privileged: false,
    attachStdin: false,
    attachStdout: true,
    attachStderr: true,
    detachKeys: "",
    consoleSize: [0, 0] as [number, number],
  };
}
