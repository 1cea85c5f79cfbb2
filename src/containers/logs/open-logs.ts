import { EngineError, invalid } from "../../base/errors.ts";
import { containerPaths } from "../container-files.ts";
import type { LogsRequest } from "../containers.ts";
import { type Core, subjectOf } from "../core.ts";
import type { Entry } from "../entry.ts";
import { assertCan } from "../guards.ts";
import { parseLogOptions } from "../log-options.ts";
import { isRunning } from "../state.ts";
import { readLog } from "./follow-log.ts";
import { type RenderOptions, renderDetails } from "./log-line.ts";
import { renderLines } from "./render-lines.ts";

/** A container's log as bytes for the client. Reads only as fast as the stream is read. */
export async function openLogs(
  core: Core,
  entry: Entry,
  request: LogsRequest,
  signal: AbortSignal,
): Promise<{ tty: boolean; stream: AsyncIterable<Uint8Array> }> {
  if (!request.stdout && !request.stderr) {
    throw invalid("Bad parameters: you must choose at least one stream");
  }
  assertCan(entry.run.state, "logs", subjectOf(entry));
  const { spec } = entry.definition;
  if (parseLogOptions(spec.log) === undefined) {
    throw new EngineError("not-implemented", "configured logging driver does not support reading");
  }
  const { tty } = spec.process;
  const stop = new AbortController();
  const lines = readLog({
    path: containerPaths(core.deps.paths.containers, entry.id).log,
    tail: request.tail,
    follow: request.follow,
    isLive: () => core.index.has(entry.id) && isRunning(entry.run.state),
    changed: (until) => entry.waiters.add("next-exit", until),
    signal: AbortSignal.any([signal, stop.signal]),
  });
  const render: RenderOptions = {
    tty,
    timestamps: request.timestamps,
    details: request.details ? renderDetails(spec.log.options, spec.labels, spec.process.environment) : undefined,
  };
  return { tty, stream: untilStopped(renderLines(lines, request, render), request, stop) };
}

/** Lines that come are looked at against `until` by their times; when none come any more, the clock ends the stream. */
async function* untilStopped(
  bytes: AsyncIterable<Uint8Array>,
  request: LogsRequest,
  stop: AbortController,
): AsyncGenerator<Uint8Array> {
  const timer = request.follow && request.until !== undefined ? stopAt(request.until.getTime(), stop) : undefined;
  try {
    yield* bytes;
  } finally {
    clearTimeout(timer);
    stop.abort();
  }
}

/** setTimeout takes 31 bits of milliseconds; a later end is looked at again then. */
const MAX_TIMER_MS = 2 ** 31 - 1;

function stopAt(timeMillis: number, stop: AbortController): ReturnType<typeof setTimeout> {
  return setTimeout(() => stop.abort(), Math.min(Math.max(0, timeMillis - Date.now()), MAX_TIMER_MS));
}
