/** Our own standard streams. Writes are done in order and wait for the reader; standard output is never made non-blocking. */
export interface Io {
  out(data: string | Uint8Array): Promise<void>;
  err(data: string | Uint8Array): Promise<void>;
  /** Chunks of standard input until its end. */
  stdin(): AsyncIterable<Uint8Array>;
}

export function createIo(): Io {
  // Bun.write and not a FileSink: the sink sets O_NONBLOCK on a description that we share with other processes.
  // Nor node:fs or process.stdout: loading them costs 2 and 8 ms.
  return {
    out: async (data) => void (await Bun.write(Bun.stdout, data)),
    err: async (data) => void (await Bun.write(Bun.stderr, data)),
    stdin: () => Bun.stdin.stream(),
  };
}
