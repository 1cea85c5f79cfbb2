import { invalid } from "../../../base/errors.ts";
import type { RunMount } from "../../../formats/dockerfile/instructions.ts";
import type { OpContext } from "../../executor.ts";
import type { RunnerDeps } from "../deps.ts";
import { bindOf } from "./bind-mount.ts";
import { FILES_BACKING, type OpenedMounts } from "./opened-mounts.ts";

/** @see BuildKit session/secrets `MaxSecretSize` */
const MAX_SECRET_BYTES = 500 * 1024;
const DEFAULT_MODE = 0o400;
const READ_ONLY = { readOnly: true, noSuid: true, noDev: true, noExec: true };

/**
 * A secret as a file in the container's memory, or in its environment. Its value is in the launch plan and nowhere else: not in an
 * error, a log line or a key. Throws in BuildKit's words where it is
 * required and the client has none.
 */
export async function openSecret(
  mount: RunMount,
  context: Pick<OpContext, "session" | "signal">,
  opened: OpenedMounts,
  deps: Pick<RunnerDeps, "paths">,
): Promise<void> {
  const id = mount.id || mount.target.slice(mount.target.lastIndexOf("/") + 1);
  const value = await context.session?.secret(id, context.signal);
  if (value === undefined) {
    if (mount.required) throw invalid(`secret ${id}: not found`);
    return;
  }
  if (value.length > MAX_SECRET_BYTES) throw invalid(`secret ${id}: larger than ${MAX_SECRET_BYTES} bytes`);
  if (mount.env !== undefined) opened.environment.push(`${mount.env}=${asText(value, id)}`);
  if (mount.target === "" && mount.env !== undefined) return;
  const name = String(opened.files.length);
  opened.files.push({
    name,
    content: value,
    mode: mount.mode ?? DEFAULT_MODE,
    uid: mount.uid ?? 0,
    gid: mount.gid ?? 0,
  });
  const destination = mount.target || `/run/secrets/${id.slice(id.lastIndexOf("/") + 1)}`;
  opened.mounts.push(
    bindOf(`${deps.paths.backings}/${FILES_BACKING}/${name}`, { path: "", destination, attributes: READ_ONLY }),
  );
}

/** An environment is text without NUL; what would refuse it later shows it in its error. */
function asText(value: Uint8Array, id: string): string {
  if (value.includes(0)) throw invalid(`secret ${id}: has a NUL byte, which an environment variable cannot hold`);
  return Buffer.from(value).toString();
}
