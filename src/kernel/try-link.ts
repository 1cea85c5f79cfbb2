import { EEXIST, EPERM, SystemError } from "./errno.ts";
import { trySyscall } from "./libc.ts";

const EXDEV = 18;
const EMLINK = 31;

/**
 * A hard link by the addresses of NUL-terminated names; a symlink is not followed. "unable": the two sides cannot share a file, or it
 * has as many names as the file system allows. "exists": the new name is taken. Throws SystemError for the rest.
 */
export function tryLink(
  sourceDirectory: number,
  source: number,
  directory: number,
  name: number,
): "linked" | "exists" | "unable" {
  const result = trySyscall("linkat", sourceDirectory, source, directory, name, 0);
  switch (-result) {
    case 0:
      return "linked";
    case EEXIST:
      return "exists";
    case EXDEV:
    case EMLINK:
    case EPERM:
      return "unable";
    default:
      throw new SystemError("linkat", -result);
  }
}
