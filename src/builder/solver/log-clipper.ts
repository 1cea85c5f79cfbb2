import type { BuildEvent } from "../events.ts";

/** Output of one step that is passed on. BuildKit's limit. */
export const STEP_LOG_BYTES = 2 << 20;
/** Of what is left out, the end is told all the same if the step fails: that is where the reason stands. */
export const TAIL_LOG_BYTES = 16 << 10;

type LogEvent = Extract<BuildEvent, { kind: "log" }>;

/** Passes one vertex's events on, its output up to a limit. */
export interface LogClipper {
  report: (event: BuildEvent) => void;
  /** The step has failed: tells the end of what was left out. */
  failed(): void;
}

export function createLogClipper(report: (event: BuildEvent) => void, limitBytes = STEP_LOG_BYTES): LogClipper {
  let passedBytes = 0;
  let isClipped = false;
  let tail: LogEvent[] = [];
  let tailBytes = 0;
  const keepTail = (event: LogEvent) => {
    const data = event.data.subarray(Math.max(0, event.data.length - TAIL_LOG_BYTES));
    tail.push({ ...event, data });
    tailBytes += data.length;
    while (tailBytes > TAIL_LOG_BYTES && tail.length > 1) tailBytes -= tail.shift()?.data.length ?? 0;
  };
  const clip = (event: LogEvent) => {
    const room = limitBytes - passedBytes;
    if (event.data.length <= room) {
      passedBytes += event.data.length;
      return report(event);
    }
    if (!isClipped) {
      if (room > 0) report({ ...event, data: event.data.subarray(0, room) });
      report({ ...event, data: Buffer.from(`\n[output clipped, log limit ${formatMiB(limitBytes)} reached]\n`) });
      isClipped = true;
      passedBytes = limitBytes;
    }
    keepTail({ ...event, data: event.data.subarray(Math.max(0, room)) });
  };
  return {
    report: (event) => (event.kind === "log" ? clip(event) : report(event)),
    failed() {
      for (const event of tail) report(event);
      tail = [];
    },
  };
}

function formatMiB(bytes: number): string {
  return `${bytes / (1 << 20)}MiB`;
}
