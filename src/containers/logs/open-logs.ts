import { EngineError, invalid } from "../../base/errors.ts";
import { containerPaths } from "../container-files.ts";
import type { LogsRequest } from "../containers.ts";
import { type Core, subjectOf } from "../core.ts";
import type { Entry } from "../entry.ts";
import { assertCan } from "../guards.ts";
import { parseLogOptions } from "../log-options.ts";
import { isRunning } from "../state.ts";
import { readLog } from "./follow-log.ts";
import { type LogLine, parseLogLine, renderDetails, renderLogLine, type RenderOptions, timeMs } from "./log-line.ts";

/** Rendered bytes are handed over in pieces of about this size. */
const PIECE_BYTES = 64 * 1024;

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
  return { tty, stream: renderLines(lines, request, render, stop) };
}

async function* renderLines(
  chunks: AsyncIterable<string[]>,
  request: LogsRequest,
  render: RenderOptions,
  stop: AbortController,
): AsyncGenerator<Uint8Array> {
  const untilMs = request.until?.getTime() ?? Number.POSITIVE_INFINITY;
  const sinceMs = request.since?.getTime() ?? Number.NEGATIVE_INFINITY;
  const timer = request.follow && request.until !== undefined ? stopAt(untilMs, stop) : undefined;
  try {
    for await (const chunk of chunks) {
      let piece: Buffer[] = [];
      let bytes = 0;
      for (const json of chunk) {
        const line = parseLogLine(json);
        if (line === undefined) continue;
        const time = timeMs(line.time);
        if (time > untilMs) {
          if (piece.length > 0) yield Buffer.concat(piece);
          return;
        }
        if (time < sinceMs || !wants(request, line)) continue;
        const rendered = renderLogLine(line, render);
        piece.push(rendered);
        bytes += rendered.length;
        if (bytes < PIECE_BYTES) continue;
        yield Buffer.concat(piece);
        piece = [];
        bytes = 0;
      }
      if (piece.length > 0) yield Buffer.concat(piece);
    }
  } finally {
    clearTimeout(timer);
    stop.abort();
  }
}

function wants(request: LogsRequest, line: LogLine): boolean {
  return line.stream === "stderr" ? request.stderr : request.stdout;
}

/** setTimeout takes 31 bits of milliseconds; a later end is looked at again then. */
const MAX_TIMER_MS = 2 ** 31 - 1;

function stopAt(timeMillis: number, stop: AbortController): ReturnType<typeof setTimeout> {
  return setTimeout(() => stop.abort(), Math.min(Math.max(0, timeMillis - Date.now()), MAX_TIMER_MS));
}
