import { join } from "node:path";
import type { RootMount } from "../snapshots.ts";

export interface CopyUpRequest {
  overlay: { cwd: string; data: string; target: string };
  path: string;
  destination: string;
}

export type CopyUpReply = { copied: boolean } | { error: string };

/**
 * Fills the empty directory `destination` with what a read-only view (`Snapshots.view`) shows at `path`: owners, modes, times,
 * attributes, links and devices too; the directory itself becomes like the one in the view. Returns false, having done nothing,
 * when there is no such directory in the view, or the destination is not empty. A worker of its own mounts the view where nobody else sees it and has
 * it as its root, so that no symlink leads anywhere else; both vanish with it.
 */
export async function copyUp(view: RootMount, path: string, destination: string): Promise<boolean> {
  if (view.kind !== "overlay") return false;
  const worker = new Worker(new URL("./copy-up-worker.ts", import.meta.url));
  try {
    const reply = await new Promise<CopyUpReply>((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<CopyUpReply>) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(`copy worker: ${message}`));
      const overlay = { cwd: view.cwd, data: view.data, target: join(view.cwd, "empty") };
      worker.postMessage({ overlay, path, destination } satisfies CopyUpRequest);
    });
    if ("error" in reply) throw new Error(`copying ${path} of the image: ${reply.error}`);
    return reply.copied;
  } finally {
    worker.terminate();
  }
}
