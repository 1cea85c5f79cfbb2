/** One line of a progress stream: load, import, pull, push, build. An error in a stream that has begun comes as a line too. */
export interface WireProgress {
  id?: string;
  status?: string;
  stream?: string;
  progressDetail?: { current?: number; total?: number };
  aux?: unknown;
  errorDetail?: { code?: number; message: string };
  /** The same text as `errorDetail.message`, for old clients. */
  error?: string;
}

/**
 * `aux` of a pull or push, before its first byte: the sizes of layers by the IDs of their lines, as far as they are known, so that a
 * client can tell what is left. Our own addition; Docker's clients pass over an `aux` that they do not know.
 */
export interface LayerSizes {
  layerSizes: Record<string, number>;
}
