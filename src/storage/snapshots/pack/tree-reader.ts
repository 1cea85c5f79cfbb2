import { closeSync, read } from "node:fs";
import { promisify } from "node:util";
import { type ErrorValue, errorFromValue } from "../../../base/error-value.ts";
import type { RootView } from "../../../kernel/root-view.ts";

export interface TreeEntry {
  /** Relative, without leading slash. */
  path: string;
  type: "file" | "directory" | "symlink" | "fifo" | "character" | "block";
  /** Permission bits with set-id and sticky. */
  mode: number;
  uid: number;
  gid: number;
  sizeBytes: number;
  modifiedNs: bigint;
  /** Of a symlink its target; of a further name of an earlier file: that one's path (type file). */
  linkName: string;
  deviceMajor: number;
  deviceMinor: number;
  xattrs: Map<string, Uint8Array>;
}

/** Looks into a tree for as long as it takes, by a thread that has it as its root. Nothing of it can be changed. */
export interface TreeReader {
  /**
   * All of it but the root: depth-first, names in the order of their bytes. One walk at a time. Throws invalid-argument for a name
   * that is not UTF-8: as text it could not be told from another.
   */
  entries(): AsyncIterable<TreeEntry>;
  /** A file's content; links are followed inside. Throws not-found where there is no regular file. */
  read(path: string): AsyncGenerator<Uint8Array>;
  /** What a directory holds, in no order. None where there is no such directory. */
  names(path: string): Promise<string[]>;
  /** Ends the thread. What is under way rejects. */
  close(): Promise<void>;
}

export type TreeRequest = { next: true } | { open: string } | { names: string } | { leave: true };

/** Answers come in the order of the requests. */
export type TreeReply =
  | { entries: TreeEntry[]; isLast: boolean }
  /** All of a small file. */
  | { bytes: Uint8Array }
  /** A descriptor of this process. */
  | { fd: number }
  | { names: string[] }
  | { left: true }
  | { failed: ErrorValue };

export interface TreeStart {
  view: RootView;
}

const CHUNK_BYTES = 1 << 18;
const readAt = promisify(read);

interface Waiting {
  resolve: (reply: TreeReply) => void;
  reject: (error: unknown) => void;
}

export function openTree(view: RootView): TreeReader {
  const worker = new Worker(new URL("./tree-reader-worker.ts", import.meta.url));
  const waiting: Waiting[] = [];
  let over: Error | undefined;
  const end = (error: Error) => {
    over ??= error;
    worker.terminate();
    for (const { reject } of waiting.splice(0)) reject(over);
  };
  worker.onmessage = ({ data }: MessageEvent<TreeReply>) => {
    const asker = waiting.shift();
    if (asker === undefined) return "fd" in data ? closeSync(data.fd) : undefined;
    if ("failed" in data) asker.reject(errorFromValue(data.failed));
    else asker.resolve(data);
  };
  worker.onerror = ({ message }) => end(new Error(`tree worker: ${message}`));
  worker.postMessage({ view } satisfies TreeStart);
  const ask = (request: TreeRequest) =>
    new Promise<TreeReply>((resolve, reject) => {
      if (over !== undefined) return reject(over);
      waiting.push({ resolve, reject });
      worker.postMessage(request);
    });
  return {
    async *entries() {
      for (let isLast = false; !isLast; ) {
        const reply = (await ask({ next: true })) as Extract<TreeReply, { entries: unknown }>;
        yield* reply.entries;
        isLast = reply.isLast;
      }
    },
    async *read(path) {
      const reply = (await ask({ open: path })) as Extract<TreeReply, { fd: number } | { bytes: Uint8Array }>;
      if ("bytes" in reply) return yield reply.bytes;
      const { fd } = reply;
      try {
        for (;;) {
          const { bytesRead, buffer } = await readAt(fd, new Uint8Array(CHUNK_BYTES), 0, CHUNK_BYTES, null);
          if (bytesRead === 0) return;
          yield buffer.subarray(0, bytesRead);
        }
      } finally {
        closeSync(fd);
      }
    },
    async names(path) {
      const reply = (await ask({ names: path })) as Extract<TreeReply, { names: string[] }>;
      return reply.names;
    },
    async close() {
      if (over !== undefined) return;
      // Whatever was asked before is answered first: no descriptor is lost on the way.
      await ask({ leave: true }).catch(() => undefined);
      end(new Error("the tree is closed"));
    },
  };
}
