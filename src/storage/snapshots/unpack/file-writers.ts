import { FileSlots } from "./file-slots.ts";

export interface FileWriterRequest {
  /** In which the files' paths are absolute. */
  directory: string;
  shared: SharedArrayBuffer;
}

/** The thread makes no more files; with an error if it had to give up before it was stopped. */
export interface FileWriterReply {
  error?: string;
}

/** A thread for one directory, once it is asked for. */
export interface FileWriter {
  /** Without effect where no more threads may be had: the thread that asks goes on alone. */
  start(shared: SharedArrayBuffer): void;
  /** Resolves when the thread, if there is one, makes no more files. */
  stop(): Promise<void>;
}

/** Threads that help to make the files of `FileSlots`, confined like the one that fills them; `limit` of them at once. */
export function createFileWriters(limit: number): { forDirectory(directory: string): FileWriter } {
  let running = 0;
  return {
    forDirectory(directory) {
      let end: (() => Promise<void>) | undefined;
      return {
        start(shared) {
          if (end !== undefined || running >= limit) return;
          running++;
          end = startWorker({ directory, shared });
        },
        async stop() {
          if (end === undefined) return;
          await end();
          running--;
        },
      };
    },
  };
}

/** Returns how to end it. One that cannot start, or gives up, takes no work: the other thread then does all, with the same errors. */
function startWorker(request: FileWriterRequest): () => Promise<void> {
  const worker = new Worker(new URL("./write-files-worker.ts", import.meta.url));
  const ended = new Promise<void>((resolve) => {
    worker.onmessage = () => resolve();
    worker.onerror = () => resolve();
  });
  worker.postMessage(request);
  return async () => {
    new FileSlots(request.shared).stop();
    await ended;
    worker.terminate();
  };
}
