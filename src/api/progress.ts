import { messageOf } from "../base/errors.ts";
import type { ProgressMessage } from "../images/images.ts";
import { encodeProgressLine } from "../wire/json-stream.ts";
import type { WireProgress } from "../wire/progress.ts";
import type { Reply } from "./route.ts";

/** Lines that wait for a slow client; beyond that the oldest count of bytes is dropped, and only without one the oldest line. */
const MAX_WAITING = 1024;

export type Report = (message: ProgressMessage) => void;

/**
 * Runs `job` and streams what it reports. An error before the first report is an ordinary HTTP error; after it, a line in the
 * stream. Resolves when there is something to answer.
 */
export async function progressReply(job: (report: Report) => Promise<void>): Promise<Reply> {
  const waiting: WireProgress[] = [];
  let wake: (() => void) | undefined;
  let over: { error?: unknown } | undefined;
  const notify = () => {
    wake?.();
    wake = undefined;
  };
  const next = () =>
    new Promise<void>((resolve) => {
      if (waiting.length > 0 || over !== undefined) resolve();
      else wake = resolve;
    });
  const running = job((message) => {
    enqueue(waiting, encodeProgress(message));
    notify();
  });
  running.then(
    () => {
      over = {};
      notify();
    },
    (error: unknown) => {
      over = { error };
      notify();
    },
  );
  await next();
  const ended = over as { error?: unknown } | undefined;
  if (waiting.length === 0 && ended !== undefined && "error" in ended) throw ended.error;

  async function* lines(): AsyncGenerator<Uint8Array> {
    for (;;) {
      await next();
      const message = waiting.shift();
      if (message !== undefined) yield encodeProgressLine(message);
      else if (over !== undefined) break;
    }
    if (over !== undefined && "error" in over) yield errorLine(over.error);
  }
  return { stream: lines(), contentType: "application/json", onError: errorLine };
}

/** A newer count of the same bytes takes the place of one that still waits: a slow client sees fewer, not older ones. */
function enqueue(waiting: WireProgress[], message: WireProgress): void {
  const at = isCount(message) ? waiting.findLastIndex(({ id }) => id === message.id) : -1;
  const last = waiting[at];
  if (last !== undefined && isCount(last) && last.status === message.status) {
    waiting[at] = message;
    return;
  }
  if (waiting.length >= MAX_WAITING) waiting.splice(Math.max(0, waiting.findIndex(isCount)), 1);
  waiting.push(message);
}

function isCount({ progressDetail }: WireProgress): boolean {
  return progressDetail?.current !== undefined;
}

function errorLine(error: unknown): Uint8Array {
  const message = messageOf(error);
  return encodeProgressLine({ errorDetail: { message }, error: message });
}

/**
 * `progressDetail` is on every line of a layer, `{}` where nothing is counted: clients redraw such a line in place, and take any
 * line without it for the end of what can be redrawn (docker's jsonmessage). `Pulling from x` has a tag for its id, and none.
 */
function encodeProgress({ current = 0, total = 0, ...message }: ProgressMessage): WireProgress {
  const ofLayer = current > 0 || total > 0 || (message.id !== undefined && !isHeading(message.status));
  if (!ofLayer) return message;
  const detail = { ...(current > 0 ? { current } : {}), ...(total > 0 ? { total } : {}) };
  return { ...message, progressDetail: detail };
}

function isHeading(status = ""): boolean {
  return status.startsWith("Pulling from ");
}
