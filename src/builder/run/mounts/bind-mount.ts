import { chmodSync, chownSync, statSync } from "node:fs";
import type { MountAttributes } from "../../../runtime/plan/launch-plan.ts";
import type { MountInput } from "../../../runtime/plan/plan-input.ts";
import type { FilesResult, TreeResult, VertexResult } from "../../results.ts";
import type { RunnerDeps } from "../deps.ts";
import type { OpenedMounts } from "./opened-mounts.ts";
import { escapeOverlayPath } from "./overlay-options.ts";

/** Of active snapshots that take what is written to a mount, until its step is over. */
const SCRATCH_PREFIX = "build-mount-";
const OVERLAY_OPTIONS = "index=off,metacopy=off,redirect_dir=nofollow,volatile";

type Deps = Pick<RunnerDeps, "snapshots" | "randomId" | "paths" | "logger">;

/** Where the files of an input are for the plan's mounts. What is written goes to a layer that is thrown away. */
export async function openSource(
  input: VertexResult,
  options: { writable: boolean },
  opened: OpenedMounts,
  deps: Deps,
): Promise<string> {
  if (!options.writable && input.kind === "files") return input.source.directory;
  const name = String(opened.backings.length);
  const root = await rootOf(input, options, opened, deps);
  if (root.kind === "bind") return root.source;
  opened.backings.push({ kind: "overlay", name, cwd: root.cwd, data: root.data });
  return `${deps.paths.backings}/${name}`;
}

async function rootOf(
  input: VertexResult,
  { writable }: { writable: boolean },
  { releases }: OpenedMounts,
  { snapshots, randomId }: Deps,
): Promise<{ kind: "bind"; source: string } | { kind: "overlay"; cwd: string; data: string }> {
  if (!writable) return snapshots.view((input as TreeResult).chainId);
  const key = SCRATCH_PREFIX + randomId();
  await snapshots.prepare(key, input.kind === "tree" ? input.chainId : undefined, { volatile: true });
  releases.push(() => snapshots.remove(key));
  const root = snapshots.mounts(key);
  if (root.kind === "bind" || input.kind === "tree") return root;
  return { kind: "overlay", cwd: "/", data: overFiles(input, root) };
}

/** The overlay's root takes after the upper directory: it becomes as the files' own is. */
function overFiles({ source: { directory } }: FilesResult, { upper, work }: { upper: string; work: string }): string {
  const { mode, uid, gid } = statSync(directory);
  chownSync(upper, uid, gid);
  chmodSync(upper, mode & 0o7777);
  const [lower, top, scratch] = [directory, upper, work].map(escapeOverlayPath);
  return `lowerdir=${lower},upperdir=${top},workdir=${scratch},${OVERLAY_OPTIONS}`;
}

/** `path` of the source, resolved in it as if it were a root when the container starts: no link leads to the host. */
export function bindOf(
  source: string,
  { path, destination, attributes }: { path: string; destination: string; attributes: MountAttributes },
): MountInput {
  const below = path.split("/").filter(Boolean).join("/");
  return {
    kind: "bind",
    source,
    ...(below === "" || below === "." ? {} : { below, rooted: true }),
    destination,
    recursive: false,
    attributes,
    propagation: "rprivate",
  };
}
