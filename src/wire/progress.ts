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
