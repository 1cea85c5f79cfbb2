import type { RunMount } from "../../../formats/dockerfile/instructions.ts";
import type { RootMount } from "../../../storage/snapshots/snapshots.ts";
import type { OpContext } from "../../executor.ts";
import type { RunOp, RunOpMount } from "../../graph.ts";
import type { TreeResult, VertexResult } from "../../results.ts";
import type { RunnerDeps } from "../deps.ts";
import { openAgentMount } from "./agent-mount.ts";
import { bindOf, openSource } from "./bind-mount.ts";
import type { Sharing } from "./cache-leases.ts";
import type { CacheLease, CacheRequest, CacheStore } from "./cache-mounts.ts";
import type { OpenedMounts } from "./opened-mounts.ts";
import { escapeOverlayPath } from "./overlay-options.ts";
import { openSecret } from "./secret-mount.ts";
import type { SourceDigests } from "./source-digest.ts";

export interface MountsOfStep {
  op: RunOp;
  inputs: VertexResult[];
  context: OpContext;
  /** Below the exec root, for sockets; made if needed. */
  directory: string;
}

export interface MountsDeps extends RunnerDeps {
  caches: CacheStore;
  digestOf: SourceDigests;
}

/**
 * Gets everything ready that the step's mounts show. Caches first, in an order that all steps agree upon, so that two that lock
 * each other's do not wait for ever. What was opened is in `opened` even if this throws: its releases are to be called.
 */
export async function openMounts(step: MountsOfStep, opened: OpenedMounts, deps: MountsDeps): Promise<void> {
  const leases = await leaseCaches(step, opened, deps);
  let agents = 0;
  for (const wanted of step.op.mounts) {
    const { mount } = wanted;
    const destination = mount.target;
    switch (mount.type) {
      case "bind": {
        const source = await openSource(inputOf(step, wanted), { writable: !mount.readOnly }, opened, deps);
        const attributes = { readOnly: mount.readOnly };
        opened.mounts.push(bindOf(source, { path: mount.source, destination, attributes }));
        break;
      }
      case "cache": {
        const { lease, path } = leases.get(wanted) as { lease: CacheLease; path: string };
        opened.mounts.push(bindOf(lease.directory, { path, destination, attributes: { readOnly: mount.readOnly } }));
        break;
      }
      case "tmpfs": {
        const options = mount.sizeBytes === undefined ? [] : [`size=${mount.sizeBytes}`];
        opened.mounts.push({ kind: "tmpfs", destination, options, attributes: { noSuid: true } });
        break;
      }
      case "secret":
        await openSecret(mount, step.context, opened, deps);
        break;
      case "ssh": {
        const { context, directory } = step;
        await openAgentMount(mount, { context, directory, number: agents++ }, opened, deps);
        break;
      }
    }
  }
}

function inputOf({ inputs }: Pick<MountsOfStep, "inputs">, { input }: RunOpMount): VertexResult {
  const found = input === undefined ? undefined : inputs[input];
  return found ?? { kind: "tree", layers: [], chainId: undefined, createdAt: new Date(0), added: undefined };
}

/** By mount: its directory, and the path in it. Mounts of one step with the same cache share one lease, under the strictest rule. */
async function leaseCaches(
  { op, inputs, context }: MountsOfStep,
  { releases }: OpenedMounts,
  deps: MountsDeps,
): Promise<Map<RunOpMount, { lease: CacheLease; path: string }>> {
  const groups = new Map<string, { request: CacheRequest; wanted: RunOpMount[] }>();
  for (const wanted of op.mounts) {
    if (wanted.mount.type !== "cache") continue;
    const request = cacheRequest(wanted, { inputs, namespace: context.cacheMountNamespace }, deps);
    const key = JSON.stringify({ ...request, seed: request.seed?.key });
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { request, wanted: [wanted] });
    else group.wanted.push(wanted);
  }
  const leases = new Map<RunOpMount, { lease: CacheLease; path: string }>();
  for (const key of [...groups.keys()].sort()) {
    const { request, wanted } = groups.get(key) as { request: CacheRequest; wanted: RunOpMount[] };
    const mounts = wanted.map(({ mount }) => mount);
    const lease = await leaseOne(request, mounts, { argv: op.argv, context }, deps);
    releases.push(lease.release);
    for (const one of wanted) leases.set(one, { lease, path: request.seed === undefined ? one.mount.source : "" });
  }
  return leases;
}

async function leaseOne(
  request: CacheRequest,
  mounts: RunMount[],
  { argv, context }: { argv: string[]; context: OpContext },
  { caches, clock }: MountsDeps,
): Promise<CacheLease> {
  const { signal, vertex } = context;
  const target = mounts[0]?.target ?? "";
  const named = request.id === target ? "" : ` with id ${JSON.stringify(request.id)}`;
  let waitingSince: Date | undefined;
  const tell = (completedAt: Date | undefined) => {
    if (waitingSince === undefined) return;
    const name = `waiting for cache mount ${request.id}`;
    const progress = { id: name, name, current: 0, total: 0, startedAt: waitingSince, completedAt };
    context.report({ kind: "progress", vertex, ...progress });
  };
  const lease = await caches.lease(request, {
    sharing: strictest(mounts),
    description: `cached mount ${target} from exec ${argv.join(" ")}${named}`,
    signal,
    onWait() {
      waitingSince = clock.now();
      tell(undefined);
    },
  });
  tell(clock.now());
  return lease;
}

function strictest(mounts: RunMount[]): Sharing {
  const order: Sharing[] = ["locked", "private", "shared"];
  return order.find((sharing) => mounts.some((mount) => mount.sharing === sharing)) ?? "shared";
}

function cacheRequest(
  wanted: RunOpMount,
  { inputs, namespace }: { inputs: VertexResult[]; namespace: string },
  deps: MountsDeps,
): CacheRequest {
  const { id, target, source, mode, uid, gid } = wanted.mount;
  const input = wanted.input === undefined ? undefined : inputs[wanted.input];
  const view = input === undefined ? undefined : viewOf(input, deps);
  const seed =
    input === undefined || view === undefined ? undefined : { key: deps.digestOf(input, source), view, path: source };
  return { namespace, id: id || target, mode, uid, gid, seed };
}

/** undefined: the empty tree, from which nothing can be copied. */
function viewOf(input: VertexResult, { snapshots, paths }: MountsDeps): RootMount | undefined {
  if (input.kind === "tree")
    return input.chainId === undefined ? undefined : snapshots.view((input as TreeResult).chainId);
  const data = `lowerdir=${escapeOverlayPath(input.source.directory)}:empty`;
  return { kind: "overlay", cwd: paths.cacheMounts, data, lower: [], upper: "", work: "" };
}
