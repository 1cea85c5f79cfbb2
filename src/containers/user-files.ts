import { MAX_USER_FILE_BYTES } from "../runtime/users.ts";
import type { Snapshots } from "../storage/snapshots/snapshots.ts";

export interface UserFiles {
  passwd: Uint8Array | undefined;
  group: Uint8Array | undefined;
}

/** Images whose user files are remembered; files above the size are read each time. */
const CACHED_IMAGES = 64;
const CACHED_FILE_BYTES = 64 * 1024;

/**
 * /etc/passwd and /etc/group of an active snapshot; mounts over them are not looked at, as with Docker. `unchanged` names what the
 * snapshot stands on, where it has no changes of its own yet: those files are remembered.
 */
export function createUserFiles(
  snapshots: Pick<Snapshots, "readFile">,
): (key: string, unchanged: string | undefined) => Promise<UserFiles> {
  const remembered = new Map<string, UserFiles>();
  return async (key, unchanged) => {
    const known = unchanged === undefined ? undefined : remembered.get(unchanged);
    if (known !== undefined) return known;
    const [passwd, group] = await Promise.all(
      ["/etc/passwd", "/etc/group"].map((path) => snapshots.readFile(key, path, MAX_USER_FILE_BYTES)),
    );
    const files = { passwd, group };
    if (unchanged !== undefined && sizeOf(passwd) + sizeOf(group) <= CACHED_FILE_BYTES) {
      const oldest = remembered.keys().next().value;
      if (remembered.size >= CACHED_IMAGES && oldest !== undefined) remembered.delete(oldest);
      remembered.set(unchanged, files);
    }
    return files;
  };
}

function sizeOf(bytes: Uint8Array | undefined): number {
  return bytes?.byteLength ?? 0;
}
