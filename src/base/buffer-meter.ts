/** Bytes of buffers after which garbage is collected. */
const COLLECT_EVERY_BYTES = 32 << 20;

/**
 * The runtime collects garbage by the size of its heap and counts the buffers that hang on it for too little: a stream of them that
 * are used once leaves tens of megabytes behind. Whoever passes such a stream on says so here. Costs some milliseconds for each 32 MiB.
 */
export interface BufferMeter {
  passed(bytes: number): void;
}

export function createBufferMeter(collect: () => void = () => Bun.gc(true)): BufferMeter {
  let passedBytes = 0;
  return {
    passed(bytes) {
      passedBytes += bytes;
      if (passedBytes < COLLECT_EVERY_BYTES) return;
      passedBytes = 0;
      collect();
    },
  };
}
