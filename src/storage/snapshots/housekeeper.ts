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
  const sweep = merged((directory) => remover.ask("sweep", directory));
  const sync = merged((directory) => reader.ask("sync", directory));
  return {
    sweep,
    usage: (directory) => reader.ask("usage", directory),
    sync,
    async close() {
      remover.close();
      reader.close();
    },
  };
}

/** Those who come while one pass is under way share the next. All calls are for the same directory. */
function merged(pass: (directory: string) => Promise<number>): (directory: string) => Promise<void> {
  let running: Promise<unknown> | undefined;
  let next: Promise<unknown> | undefined;
  const start = (directory: string): Promise<unknown> => {
    const current = pass(directory).finally(() => {
      if (running === current) running = undefined;
    });
    running = current;
    return current;
  };
  return async (directory) => {
    if (running === undefined) {
      await start(directory);
      return;
    }
    next ??= running
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        return start(directory);
      });
    await next;
  };
}

/** One worker, started at the first request and kept; it does not keep the process alive. */
function createHand() {
  const waiting = new Map<number, { resolve(value: number): void; reject(error: Error): void }>();
  let worker: Worker | undefined;
  let lastId = 0;
  const fail = (message: string) => {
    for (const request of waiting.values()) request.reject(new Error(message));
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
