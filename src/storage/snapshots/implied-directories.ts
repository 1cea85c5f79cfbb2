import { modeAt, ownAt, S_IFDIR, S_IFMT, timesAt } from "../../kernel/files.ts";
import { resolveMerged, type Stack } from "./merged-view.ts";

/**
 * Gives directories that a layer only implied (an archive with `a/b` but no entry for `a`) the attributes which the layers below
 * show there: made-up ones would cover the real ones in the union. `staged` is relative to the stack's root.
 */
export function adoptAttributes(stack: Stack, staged: string, implied: Uint8Array[]): void {
  for (const path of implied) {
    const found = resolveMerged(stack, Buffer.from(path).toString());
    if (found === undefined || (found.status.mode & S_IFMT) !== S_IFDIR) continue;
    const target = path.length === 0 ? Buffer.from(staged) : Buffer.concat([Buffer.from(`${staged}/`), path]);
    const { uid, gid, mode, modifiedSeconds: seconds, modifiedNanoseconds: nanoseconds } = found.status;
    ownAt(stack.rootFd, target, uid, gid);
    modeAt(stack.rootFd, target, mode);
    timesAt(stack.rootFd, target, { seconds, nanoseconds }, { seconds, nanoseconds });
  }
}
