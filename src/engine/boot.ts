import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { randomId } from "../base/ids.ts";

/** Identifies one run of the kernel: what an earlier one left in the exec root (sockets, exit records) says nothing about this one. */
export function currentBootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

/** Makes the directories of what survives a reboot. */
export function prepareDataRoot(dataRoot: string): void {
  for (const name of ["content", "snapshots", "containers", "volumes"])
    mkdirSync(`${dataRoot}/${name}`, { recursive: true, mode: 0o710 });
}

/**
 * Makes the exec root's directories. After a reboot whatever an earlier boot left in them is removed first: exec roots are not
 * always on a tmpfs. Returns the boot id.
 */
export function prepareExecRoot(execRoot: string): string {
  const bootId = currentBootId();
  if (readOptional(`${execRoot}/boot-id`) !== bootId) rmSync(`${execRoot}/launchers`, { recursive: true, force: true });
  mkdirSync(`${execRoot}/launchers`, { recursive: true, mode: 0o700 });
  mkdirSync(`${execRoot}/rootfs`, { recursive: true, mode: 0o755 });
  writeFileSync(`${execRoot}/boot-id`, bootId, { mode: 0o600 });
  return bootId;
}

/** The engine's own stable ID, as `docker info` shows it: kept in the data root. */
export function engineId(dataRoot: string): string {
  const path = `${dataRoot}/engine-id`;
  const known = readOptional(path);
  if (known !== undefined && known !== "") return known;
  const hex = randomId();
  const id = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  writeFileSync(path, id, { mode: 0o600 });
  return id;
}

function readOptional(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}
