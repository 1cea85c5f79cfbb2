/** Lines are gathered so long: one write for many requests. */
const GATHER_MS = 50;
const MAX_GATHERED_CHARACTERS = 64 << 10;
/** A reader of the log that is slow by so much loses lines, and is told how many. */
const MAX_PENDING_BYTES = 4 << 20;

export interface LogSink {
  write(text: string): void;
  /** Bytes that the reader has not taken yet. */
  pendingBytes(): number;
}

/** One JSON object per line and request. */
export interface AccessLog {
  add(entry: Record<string, unknown>): void;
  flush(): void;
}

export function createAccessLog(sink: LogSink): AccessLog {
  let gathered = "";
  let dropped = 0;
  let timer: NodeJS.Timeout | undefined;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (gathered === "") return;
    sink.write(gathered);
    gathered = "";
  };
  return {
    flush,
    add(entry) {
      if (sink.pendingBytes() > MAX_PENDING_BYTES) {
        dropped++;
        return;
      }
      if (dropped > 0) gathered += `${JSON.stringify({ dropped })}\n`;
      dropped = 0;
      gathered += `${JSON.stringify(entry)}\n`;
      if (gathered.length > MAX_GATHERED_CHARACTERS) flush();
      else timer ??= setTimeout(flush, GATHER_MS);
    },
  };
}

/** For who wants none. */
export const noAccessLog: AccessLog = { add() {}, flush() {} };
