import type { RootView } from "../../kernel/root-view.ts";
import { EMPTY_DIRECTORY } from "./layer-index.ts";
import type { ChainID, Snapshots } from "./snapshots.ts";

/** A committed stack, or the empty root, for a worker to enter and read. Throws not-found. */
export function committedRoot(snapshots: Pick<Snapshots, "view">, chainId: ChainID | undefined): RootView {
  const mount = snapshots.view(chainId);
  if (mount.kind === "bind") return { kind: "directory", path: mount.source };
  const { cwd, data } = mount;
  return { kind: "overlay", cwd, data, target: EMPTY_DIRECTORY, scratch: undefined, mounts: [] };
}
