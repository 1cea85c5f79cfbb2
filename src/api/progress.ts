import { messageOf } from "../base/errors.ts";
import type { ProgressMessage } from "../images/images.ts";
import { encodeProgressLine } from "../wire/json-stream.ts";
import type { WireProgress } from "../wire/progress.ts";
import type { Reply } from "./route.ts";

/** Lines that wait for a slow client; beyond that the oldest progress is dropped, never a final message. */
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
    if (waiting.length >= MAX_WAITING) dropProgress(waiting);
    waiting.push(encodeProgress(message));
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

function dropProgress(waiting: WireProgress[]): void {
  const at = waiting.findIndex((message) => message.progressDetail !== undefined);
  waiting.splice(Math.max(0, at), 1);
}

function errorLine(error: unknown): Uint8Array {
  const message = messageOf(error);
  return encodeProgressLine({ errorDetail: { message }, error: message });
}

function encodeProgress({ current, total, ...message }: ProgressMessage): WireProgress {
  if (current === undefined) return message;
  return { ...message, progressDetail: { current, ...(total === undefined ? {} : { total }) } };
}
