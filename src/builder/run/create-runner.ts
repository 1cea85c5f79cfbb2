import { mkdirSync } from "node:fs";
import { EngineError, invalid, messageOf } from "../../base/errors.ts";
import { cgroupParent } from "../../containers/launch-input.ts";
import { createUserFiles } from "../../containers/user-files.ts";
import { validateCgroupParent } from "../../containers/validate-spec.ts";
import { parseExtraHost } from "../../networks/hosts-file.ts";
import type { Sandbox } from "../../networks/networks.ts";
import type { Executor, OpContext } from "../executor.ts";
import type { RunOp } from "../graph.ts";
import type { TreeResult, VertexResult } from "../results.ts";
import type { RunnerDeps } from "./deps.ts";
import { requireRunnable } from "./foreign-programs.ts";
import { type CacheMounts, createCacheMounts } from "./mounts/cache-mounts.ts";
import { type MountsDeps, openMounts } from "./mounts/open-mounts.ts";
import { FILES_BACKING, type OpenedMounts } from "./mounts/opened-mounts.ts";
import { createSourceDigests } from "./mounts/source-digest.ts";
import { noteParent, recoverSteps, TASK_PREFIX } from "./recover.ts";
import { requestedDevices } from "./requested-devices.ts";
import { runStep, type StepDeps } from "./run-step.ts";
import { resourcesOf, securityOf } from "./step-plan-input.ts";

/** Length of a container's ID: the launcher's name has no room for more. */
const ID_LENGTH = 64;
/** The part that names a step's directory: sockets have short paths. */
const SHORT_LENGTH = 22;

export interface Runner extends Pick<Executor, "run" | "mountKey"> {
  cacheMounts: CacheMounts;
  /** Ends what an earlier daemon's steps have left running, and removes what they have left. Before the first `run`. */
  recover(): Promise<void>;
  /** Ends what runs, and waits until it is gone. */
  close(): Promise<void>;
}

/** Carries out RUN in containers of their own, which are none of the API's. */
export function createRunner(given: RunnerDeps): Runner {
  const { paths, snapshots } = given;
  mkdirSync(paths.running, { recursive: true, mode: 0o700 });
  mkdirSync(`${paths.backings}/${FILES_BACKING}`, { recursive: true, mode: 0o700 });
  const caches = createCacheMounts(given);
  const digestOf = createSourceDigests();
  const deps: StepDeps & MountsDeps = { ...given, caches, digestOf, userFiles: createUserFiles(snapshots) };
  const closing = new AbortController();
  const running = new Set<Promise<unknown>>();

  return {
    cacheMounts: caches,
    async run(op, inputs, context) {
      const signal = AbortSignal.any([context.signal, closing.signal]);
      const result = run(op, inputs, { ...context, signal }, deps);
      running.add(result);
      try {
        return await result;
      } finally {
        running.delete(result);
      }
    },
    async mountKey(op, inputs) {
      const parts = op.mounts.flatMap(({ mount, input }) => {
        const source = input === undefined ? undefined : inputs[input];
        return source === undefined ? [] : [[mount.target, digestOf(source, mount.source)]];
      });
      return parts.length === 0 ? "" : JSON.stringify(parts);
    },
    recover: () => recoverSteps(deps),
    async close() {
      closing.abort(new EngineError("unavailable", "the daemon is shutting down"));
      await Promise.allSettled(running);
    },
  };
}

async function run(
  op: RunOp,
  inputs: VertexResult[],
  context: OpContext,
  deps: StepDeps & MountsDeps,
): Promise<TreeResult> {
  check(op, context, deps);
  const base = inputs[0] as TreeResult;
  const { devices, ...edits } = requestedDevices(op.devices, deps.deviceSpecs);
  const id = TASK_PREFIX + deps.randomId().slice(0, ID_LENGTH - TASK_PREFIX.length);
  const directory = `${deps.paths.running}/${id.slice(0, SHORT_LENGTH)}`;
  const opened: OpenedMounts = { ...edits, backings: [], files: [], releases: [] };
  let releasing: Promise<void> | undefined;
  const releaseAll = () => (releasing ??= release(opened, deps));
  try {
    if (op.cgroupParent !== "") {
      noteParent(directory, { id, cgroupParent: op.cgroupParent }, opened);
      deps.cgroups.ensureParent(cgroupParent(op.cgroupParent, deps.defaults.cgroupParent));
    }
    await openMounts({ op, inputs, context, directory }, opened, deps);
    makeBackings(opened, deps);
    const attaching = attach(id, op, context, deps);
    // Told to whoever awaits it; the layer may fail before.
    attaching.catch(() => undefined);
    opened.releases.push(async () => detach(await attaching.catch(() => undefined), deps));
    const options = { ...context, epochSeconds: op.epochSeconds };
    return await deps.layers.change(base, options, async (key) => {
      try {
        return await runStep(key, { id, op, base, context, opened, devices, sandbox: await attaching }, deps);
      } finally {
        // While the layer is read and hashed: others may wait for a cache, and the layer needs none of it. Never rejects.
        void releaseAll();
      }
    });
  } finally {
    await releaseAll();
  }
}

/** Throws invalid-argument, before anything was made. */
function check(op: RunOp, { resources }: OpContext, deps: RunnerDeps): void {
  const { architecture, variant } = deps.host;
  const host = { os: "linux", architecture, ...(variant === undefined ? {} : { variant }) };
  requireRunnable(op.platform, host, deps.programHandlers);
  validateCgroupParent(op.cgroupParent);
  const texts = [op.workingDirectory, op.user, op.hostname, ...op.argv, ...op.environment];
  for (const { mount } of op.mounts) texts.push(mount.target, mount.source);
  if (texts.some((text) => text.includes("\0"))) throw invalid("a RUN instruction cannot hold a NUL byte");
  for (const entry of op.extraHosts) parseExtraHost(entry);
  const spec = { security: securityOf(op, deps), resources: resourcesOf(op, resources, deps) };
  for (const warning of deps.planner.validate(spec)) deps.logger.debug(warning);
}

/** undefined: there is no network to attach to. */
async function attach(id: string, op: RunOp, context: OpContext, deps: RunnerDeps): Promise<Sandbox | undefined> {
  if (op.network !== "default") return undefined;
  try {
    return await deps.networks.attach({
      containerId: id,
      containerName: context.name,
      network: "bridge",
      endpoint: { aliases: [], links: [], driverOptions: {} },
      portBindings: [],
    });
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const text = `failed to set up container networking: ${error.message}`;
    throw new EngineError(error.kind, text, { cause: error });
  }
}

async function detach(sandbox: Sandbox | undefined, { networks }: RunnerDeps): Promise<void> {
  if (sandbox !== undefined) await networks.detach(sandbox.endpoint);
}

/** Places for the backings, on which only containers mount something. They stay: the next step needs them, too. */
function makeBackings({ backings }: OpenedMounts, { paths }: RunnerDeps): void {
  for (const { name } of backings) mkdirSync(`${paths.backings}/${name}`, { recursive: true, mode: 0o700 });
}

/** In reverse order, each once. */
async function release({ releases }: OpenedMounts, { logger }: RunnerDeps): Promise<void> {
  for (let next = releases.pop(); next !== undefined; next = releases.pop()) {
    try {
      await next();
    } catch (error) {
      logger.warn("clearing up after a build step", { error: messageOf(error) });
    }
  }
}
