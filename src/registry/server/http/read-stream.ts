export interface StallLimit {
  /** Longest time between two pieces. */
  stallMs: number;
  /** What is thrown after that. */
  stalled: () => Error;
}

/** The pieces of a stream, as fast as they are taken. A stream that falls silent is cancelled, and so is one that is left early. */
export async function* readStream(stream: ReadableStream<Uint8Array>, limit: StallLimit): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await beforeStall(reader.read(), limit);
      if (done) return;
      yield value;
    }
  } finally {
    // The stream may have failed by itself; that was thrown above.
    await reader.cancel().catch(() => undefined);
  }
}

async function beforeStall<T>(read: Promise<T>, { stallMs, stalled }: StallLimit): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(stalled()), stallMs);
  });
  try {
    return await Promise.race([read, silence]);
  } finally {
    clearTimeout(timer);
  }
}
