/** Work on whole trees, which takes milliseconds to minutes, away from the event loop. */
export interface Housekeeper {
  /** Deletes everything below `directory`, not the directory itself. Calls that wait are merged. */
  sweep(directory: string): Promise<void>;
  /** Bytes of the files below `directory`, each inode once; directories count nothing (as `docker ps -s` counts). */
  usage(directory: string): Promise<number>;
  /** Makes durable everything written to the file system of `directory`. */
  sync(directory: string): Promise<void>;
  close(): Promise<void>;
}

export type HousekeepingRequest = { id: number; operation: "sweep" | "usage" | "sync"; directory: string };
export type HousekeepingReply = { id: number; value: number } | { id: number; error: string };

/** Removals have a worker of their own: a huge one must not delay the rest. */
export function createHousekeeper(): Housekeeper {
  const remover = createHand();
  const reader = createHand();
  let sweeping: { running: Promise<number>; next: Promise<number> | undefined } | undefined;
  const startSweep = (directory: string): Promise<number> => {
    const running = remover.ask("sweep", directory).finally(() => {
      if (sweeping?.running === running && sweeping.next === undefined) sweeping = undefined;
    });
    sweeping = { running, next: undefined };
    return running;
  };
  return {
    async sweep(directory) {
      if (sweeping === undefined) await startSweep(directory);
      else await (sweeping.next ??= sweeping.running.catch(() => 0).then(() => startSweep(directory)));
    },
    usage: (directory) => reader.ask("usage", directory),
    async sync(directory) {
      await reader.ask("sync", directory);
    },
    async close() {
      remover.close();
      reader.close();
    },
  };
}

/** One worker, started at the first request and kept; it does not keep the process alive. */
function createHand() {
  const waiting = new Map<number, { resolve(value: number): void; reject(error: Error): void }>();
  let worker: Worker | undefined;
  let lastId = 0;
  const fail = (message: string) => {
    for (const { reject } of waiting.values()) reject(new Error(message));
    waiting.clear();
    worker = undefined;
  };
  const start = () => {
    const started = new Worker(new URL("./housekeeping-worker.ts", import.meta.url));
    started.onmessage = ({ data }: MessageEvent<HousekeepingReply>) => {
      const request = waiting.get(data.id);
      waiting.delete(data.id);
      if (waiting.size === 0) started.unref();
      if ("error" in data) request?.reject(new Error(data.error));
      else request?.resolve(data.value);
    };
    started.onerror = ({ message }) => fail(`housekeeping worker: ${message}`);
    return started;
  };
  return {
    ask(operation: HousekeepingRequest["operation"], directory: string): Promise<number> {
      const id = ++lastId;
      worker ??= start();
      worker.ref();
      const result = new Promise<number>((resolve, reject) => waiting.set(id, { resolve, reject }));
      worker.postMessage({ id, operation, directory } satisfies HousekeepingRequest);
      return result;
    },
    close() {
      worker?.terminate();
      fail("closed");
    },
  };
}
