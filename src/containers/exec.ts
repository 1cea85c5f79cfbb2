import { conflict, EngineError, messageOf, notFound } from "../base/errors.ts";
import { buildEnvironment } from "../runtime/environment.ts";
import { type Attachment, LaunchError } from "../runtime/launcher/launcher.ts";
import type { Namespace } from "../runtime/plan/launch-plan.ts";
import type { ExecPlanInput } from "../runtime/plan/plan-input.ts";
import type { Exec, ExecSpec } from "./containers.ts";
import { type Core, subjectOf } from "./core.ts";
import type { Entry, ExecEntry } from "./entry.ts";
import { forget } from "./exit.ts";
import { assertCan } from "./guards.ts";
import { describeLaunchError, startError } from "./launch-errors.ts";
import { cgroupPath } from "./launch-input.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { SIGKILL } from "./signals.ts";

/** Ended or never started execs of one container that inspect still knows; the oldest go first. */
const MAX_IDLE_EXECS = 64;

export interface StartExecOptions {
  detach: boolean;
  tty: boolean;
  consoleSize?: [number, number];
}

export interface Execs {
  create(entry: Entry, spec: ExecSpec): string;
  start(id: string, options: StartExecOptions): Promise<Attachment | undefined>;
  get(id: string): Exec;
  ended(id: string): Promise<void>;
  /** SIGKILL; nothing where it does not run. */
  kill(id: string): Promise<void>;
  resize(id: string, rows: number, columns: number): Promise<void>;
  /** A running exec that an earlier daemon started. */
  adopt(entry: Entry, one: ExecEntry): void;
}

export function createExecs(core: Core, resolveUser: Lifecycle["resolveUser"]): Execs {
  const { deps, index } = core;

  function find(id: string): { entry: Entry; one: ExecEntry } {
    for (const entry of index.all()) {
      const one = entry.execs.get(id);
      if (one !== undefined) return { entry, one };
    }
    throw notFound("exec instance", id);
  }

  async function start(id: string, options: StartExecOptions): Promise<Attachment | undefined> {
    const { entry, one } = find(id);
    const { exec } = one;
    if (exec.running || one.claimed) throw conflict(`Error: Exec command ${id} is already running`);
    if (exec.exitCode !== undefined) throw conflict(`Error: Exec command ${id} has already run`);
    assertCan(entry.run.state, "exec", subjectOf(entry));
    one.claimed = true;
    try {
      return await launchExec(entry, one, options);
    } catch (error) {
      throw failed(entry, one, error);
    } finally {
      one.claimed = false;
    }
  }

  async function launchExec(entry: Entry, one: ExecEntry, options: StartExecOptions): Promise<Attachment | undefined> {
    const { state } = entry.run;
    if (state.status !== "running") throw conflict(`container ${entry.id} is not running`);
    const { spec } = one.exec;
    const input = await planInput(entry, one, options);
    const { plan } = deps.planner.exec(input);
    const pidfd = deps.openPidfd(state.pid, state.startTicks);
    const request = { stdin: spec.attachStdin, stdout: spec.attachStdout, stderr: spec.attachStderr };
    try {
      core.publish(entry, `exec_start: ${spec.command.join(" ")}`, { execID: one.exec.id });
      const attachments = options.detach ? [] : [request];
      const launching = deps.launcher.launch({ plan, fds: [pidfd], attachments });
      remember(entry, one);
      const launched = await launching;
      one.task = launched.task;
      one.exec = { ...one.exec, running: true, pid: launched.task.pid };
      follow(entry, one);
      return launched.attachments[0];
    } finally {
      deps.closeFd(pidfd);
    }
  }

  async function planInput(entry: Entry, one: ExecEntry, options: StartExecOptions): Promise<ExecPlanInput> {
    const { definition } = entry;
    const { spec } = one.exec;
    const container = definition.spec;
    const tty = spec.tty;
    const user = await resolveUser(definition, spec.user || container.process.user, false);
    return {
      id: one.exec.id,
      host: deps.host,
      supervise: {
        exitRecordPath: deps.launcher.exitRecordPath(one.exec.id),
        tty,
        stdin: spec.attachStdin && !options.detach,
        stdinOnce: true,
        // What the exec leaves behind in the background may hold its pipes for ever.
        abandonOutput: true,
      },
      pidfd: 0,
      namespaces: ownNamespaces(entry),
      security: container.security,
      resources: container.resources,
      privileged: spec.privileged,
      process: {
        argv: spec.command,
        environment: buildEnvironment({
          environment: [...container.process.environment, ...spec.environment],
          hostname: container.hostname ?? "",
          tty,
          home: user.home,
        }),
        workingDir: spec.workingDir || container.process.workingDir || "/",
        user,
        tty,
        consoleSize: options.consoleSize ?? spec.consoleSize,
        init: false,
      },
      cgroupPath: cgroupPath(definition, deps.defaults.cgroupParent),
    };
  }

  /** So that the next daemon knows whose process it finds. */
  function remember(entry: Entry, one: ExecEntry): void {
    try {
      deps.records.insertExec({ id: one.exec.id, containerId: entry.id, definition: JSON.stringify(one.exec.spec) });
    } catch (error) {
      deps.logger.error("writing an exec's record", { exec: one.exec.id, error: messageOf(error) });
    }
  }

  function follow(entry: Entry, one: ExecEntry): void {
    one.ended = one.task?.exited.then(
      (exit) => {
        one.task = undefined;
        const { id, containerId, spec } = one.exec;
        one.exec = { id, containerId, spec, running: false, exitCode: exit.code };
        core.publish(entry, "exec_die", { execID: one.exec.id, exitCode: String(exit.code) });
        void settle(entry, one.exec.id);
      },
      (error: unknown) => deps.logger.error("following an exec", { exec: one.exec.id, error: messageOf(error) }),
    );
  }

  /** Never rejects. */
  async function settle(entry: Entry, id: string): Promise<void> {
    try {
      deps.records.deleteExec(id);
    } catch (error) {
      deps.logger.error("deleting an exec's record", { exec: id, error: messageOf(error) });
    }
    await forget(core, id);
    dropOldExecs(entry);
  }

  function failed(entry: Entry, one: ExecEntry, error: unknown): unknown {
    try {
      deps.records.deleteExec(one.exec.id);
    } catch (cause) {
      deps.logger.error("deleting an exec's record", { exec: one.exec.id, error: messageOf(cause) });
    }
    if (!(error instanceof LaunchError)) return error;
    const failure = describeLaunchError(error, "exec");
    one.exec = { ...one.exec, running: false, exitCode: failure.code };
    core.publish(entry, "exec_die", { execID: one.exec.id, exitCode: String(failure.code) });
    return startError(failure, error);
  }

  return {
    start,
    get: (id) => find(id).one.exec,
    ended: async (id) => find(id).one.ended,
    async kill(id) {
      await find(id).one.task?.signal(SIGKILL);
    },
    create(entry, spec) {
      assertCan(entry.run.state, "exec", subjectOf(entry));
      if (spec.command.length === 0) throw new EngineError("invalid-argument", "No exec command specified");
      dropOldExecs(entry);
      const id = deps.randomId();
      entry.execs.set(id, {
        exec: { id, containerId: entry.id, spec, running: false },
        task: undefined,
        claimed: false,
      });
      core.publish(entry, `exec_create: ${spec.command.join(" ")}`, { execID: id });
      return id;
    },
    async resize(id, rows, columns) {
      const { one } = find(id);
      if (one.task === undefined) throw new EngineError("invalid-argument", `exec ${id} is not running`);
      await one.task.resize(rows, columns);
    },
    adopt(entry, one) {
      entry.execs.set(one.exec.id, one);
      follow(entry, one);
    },
  };
}

function dropOldExecs(entry: Entry): void {
  const idle = [...entry.execs.values()].filter((one) => !one.exec.running && !one.claimed);
  for (const one of idle.slice(0, Math.max(0, idle.length - MAX_IDLE_EXECS))) entry.execs.delete(one.exec.id);
}

/** Those that the container does not share with the host. */
function ownNamespaces({ definition }: Entry): Namespace[] {
  const { spec } = definition;
  const host: Record<Exclude<Namespace, "user">, boolean> = {
    ipc: spec.namespaces.ipc === "host",
    uts: spec.namespaces.uts === "host",
    net: spec.network.mode === "host",
    pid: spec.namespaces.pid === "host",
    // Joining the host's own again changes nothing, and the default depends on the host.
    cgroup: false,
    mnt: false,
  };
  return (Object.keys(host) as Exclude<Namespace, "user">[]).filter((name) => !host[name]);
}
