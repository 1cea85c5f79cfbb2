import { invalid, messageOf } from "../base/errors.ts";
import { shortId } from "../base/ids.ts";
import { formatPlatform, type Platform } from "../formats/oci/platform.ts";
import type { Image } from "../images/images.ts";
import type { HostFacts } from "../runtime/plan/plan-input.ts";
import { applyDefaults } from "./apply-defaults.ts";
import { containerPaths, makeContainerDirectory, removeContainerDirectory } from "./container-files.ts";
import type { ContainerSpec } from "./container-spec.ts";
import type { Core } from "./core.ts";
import { createEntry } from "./entry.ts";
import { checkPlatform } from "./image-platform.ts";
import { commandLine, mergeImage } from "./merge-image.ts";
import { generateName, parseName } from "./names.ts";
import type { PlannedMount } from "./plan-mounts.ts";
import { type Definition, encodeDefinition, encodeRun, newRun } from "./record.ts";
import { checkMounts, fillVolumes, nameAnonymousVolumes, openVolumes, releaseMounts } from "./resolve-mounts.ts";
import { requireJoined, validateSpec } from "./validate-spec.ts";

/**
 * Makes a container: checks everything first, then writes the record (marked as being created), then volumes and snapshot, then
 * clears the mark. Whatever fails is undone; a daemon killed in between undoes it at its next start.
 */
export async function createContainer(core: Core, asked: ContainerSpec): Promise<{ id: string; warnings: string[] }> {
  const { deps, index } = core;
  const given = asked.name === "" ? "" : parseName(asked.name);
  if (asked.image === "") throw invalid("no image specified: config.Image is empty");
  const image = await findImage(core, asked);
  const merged = applyDefaults(mergeImage(asked, image.config), deps.defaults);
  validateSpec(merged);
  requireJoined(merged, (reference) => index.tryFind(reference) !== undefined);
  const warnings = [...checkPlatform(asked, image.config, hostPlatform(deps.host)), ...deps.planner.validate(merged)];
  const planned = nameAnonymousVolumes(checkMounts(merged, index), deps.randomId);

  const id = deps.randomId();
  const name = given === "" ? generateName((candidate) => index.isTaken(candidate)) : given;
  index.reserve(name, id);
  core.creating.set(id, image.id);
  try {
    const spec = complete(core, { ...merged, name }, id);
    await build(core, defineContainer(core, spec, id, image, planned), image, planned);
  } catch (error) {
    index.release(name, id);
    throw error;
  } finally {
    core.creating.delete(id);
  }
  return { id, warnings };
}

/** A name may stand for images of several platforms. Where none is of the one asked for, `checkPlatform` finds the words. */
async function findImage({ deps: { images } }: Core, { image, platform }: ContainerSpec): Promise<Image> {
  if (platform === undefined) return images.get(image);
  const wanted = formatPlatform(platform).replace(/\/+$/, "");
  return images.get(image, { platform: wanted }).catch(() => images.get(image));
}

function hostPlatform({ architecture, variant }: HostFacts): Platform {
  return { os: "linux", architecture, ...(variant === undefined ? {} : { variant }) };
}

/** Defaults that depend on the host or the ID. */
function complete(core: Core, spec: ContainerSpec, id: string): ContainerSpec {
  const { deps, index } = core;
  const { mode } = spec.network;
  const joined = mode.startsWith("container:") ? index.find(mode.slice("container:".length)) : undefined;
  const inherited = mode === "host" || spec.namespaces.uts === "host" ? deps.hostFiles.hostname() : shortId(id);
  return {
    ...spec,
    hostname: spec.hostname || (joined?.definition.spec.hostname ?? inherited),
    domainname: spec.domainname || (joined?.definition.spec.domainname ?? ""),
    runtime: runtimeOf(spec.runtime, deps.defaults.runtime),
    network: joined === undefined ? spec.network : { ...spec.network, mode: `container:${joined.id}` },
    namespaces: {
      ...spec.namespaces,
      pid: pinned(spec.namespaces.pid, core),
      ipc: pinned(spec.namespaces.ipc, core),
    },
  };
}

/** Names under which clients ask for the one runtime that there is. */
const RUNTIME_NAMES = new Set(["", "runc", "io.containerd.runc.v2"]);

function runtimeOf(asked: string, own: string): string {
  if (!RUNTIME_NAMES.has(asked) && asked !== own) throw invalid(`unknown or invalid runtime name: ${asked}`);
  return asked || own;
}

/** `container:name` becomes `container:id`, which survives a rename. */
function pinned(mode: string, { index }: Core): string {
  return mode.startsWith("container:") ? `container:${index.find(mode.slice("container:".length)).id}` : mode;
}

function defineContainer(
  { deps }: Core,
  spec: ContainerSpec,
  id: string,
  image: Image,
  planned: PlannedMount[],
): Definition {
  return {
    id,
    createdAt: deps.clock.now(),
    spec,
    ...commandLine(spec),
    imageId: image.id,
    mounts: planned.map((one) => one.mount),
  };
}

async function build(core: Core, first: Definition, image: Image, planned: PlannedMount[]): Promise<void> {
  const { deps, index } = core;
  const { id } = first;
  const paths = containerPaths(deps.paths.containers, id);
  const run = newRun(deps.bootId);
  deps.records.insert({ id, definition: encodeDefinition(first), run: encodeRun({ ...run, intent: "create" }) });
  try {
    deps.failpoint("create.recorded");
    const opened = await openVolumes(planned, id, deps.volumes);
    makeContainerDirectory(paths);
    await deps.snapshots.prepare(id, image.chainId, { volatile: first.spec.autoRemove });
    deps.failpoint("create.prepared");
    await fillVolumes(opened, id, deps.copyUp);
    const definition = { ...first, mounts: opened.map((one) => one.mount) };
    if (opened.length > 0) deps.records.updateDefinition(id, encodeDefinition(definition));
    deps.records.updateRun(id, encodeRun(run));
    const entry = createEntry(definition, run);
    index.add(entry);
    core.publish(entry, "create");
  } catch (error) {
    await undoCreation(core, first);
    throw error;
  }
}

/** Removes all that a creation may have made, in any order of failure. Also called for what a killed daemon left half made. */
export async function undoCreation({ deps }: Core, definition: Definition): Promise<void> {
  const { id } = definition;
  const attempt = async (what: string, job: () => unknown) => {
    try {
      await job();
    } catch (error) {
      deps.logger.warn(`undoing a creation: ${what}`, { container: id, error: messageOf(error) });
    }
  };
  await attempt("snapshot", () => deps.snapshots.remove(id));
  await attempt("directory", () => removeContainerDirectory(containerPaths(deps.paths.containers, id)));
  await attempt("volumes", () => releaseMounts(definition.mounts, id, deps, { discardAnonymous: true }));
  await attempt("record", () => deps.records.delete(id));
}
