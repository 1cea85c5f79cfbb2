import type { Duplex } from "node:stream";
import { EngineError, invalid, messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import type { Builder, BuildJob } from "../../builder/builder.ts";
import { BuildChannel } from "../../wire/build-channel.ts";
import type { WireBuildError, WireBuildEvent, WireBuildResult } from "../../wire/build-messages.ts";
import { decodeJson, FRAME, type Frame, SILENCE_MS } from "../../wire/build-stream.ts";
import { BuildConnection, gone } from "./build-connection.ts";
import { type DecodedBuild, decodeBuild } from "./decode-request.ts";
import { encodeEvent, encodeWarning } from "./encode-events.ts";
import { StreamSession } from "./stream-session.ts";

/** Events are collected this long, so that a lively build does not send each by itself. */
const GATHER_MS = 15;
/** And so many at most. */
const GATHER_EVENTS = 256;
const GATHER_BYTES = 256 * 1024;

export interface ServeBuildOptions {
  builder: Builder;
  logger: Logger;
  /** How long a client may say and read nothing. Default SILENCE_MS. */
  silenceMs?: number;
}

/** One build over one connection: waits for the request, then carries it out. The returned end is to be joined to the client's. */
export function serveBuild(options: ServeBuildOptions): Duplex {
  const closed = new AbortController();
  const silenceMs = options.silenceMs ?? SILENCE_MS;
  const channel = new BuildChannel({ write: (bytes) => connection.send(bytes), onFrame });
  const connection = new BuildConnection({
    stallMs: silenceMs,
    onBytes(bytes) {
      silence.refresh();
      channel.receive(bytes);
    },
  });
  const silence = setTimeout(() => connection.destroy(), silenceMs);
  let session: StreamSession | undefined;

  function onFrame({ type, stream, payload }: Frame): void {
    if (type === FRAME.alive) return;
    if (type === FRAME.answer && session !== undefined) session.answer(stream, payload);
    else if (type === FRAME.request && session === undefined) session = begin(payload);
    else throw new Error(`a frame of type ${type} has no place here`);
  }

  function begin(payload: Uint8Array): StreamSession {
    const opened = new StreamSession(crypto.randomUUID(), channel, closed.signal);
    void answerBuild(payload, { ...options, channel, session: opened, signal: closed.signal }).finally(() => {
      connection.finish();
    });
    return opened;
  }

  connection.on("error", (error) => options.logger.info("a build's client was cut off", { error: messageOf(error) }));
  connection.once("close", () => {
    clearTimeout(silence);
    channel.close(gone());
    closed.abort();
  });
  return connection;
}

interface BuildCall extends ServeBuildOptions {
  channel: BuildChannel;
  session: StreamSession;
  /** Aborted when the client has gone. */
  signal: AbortSignal;
}

/** Sends the last frame, whatever happens. Never rejects. */
async function answerBuild(payload: Uint8Array, call: BuildCall): Promise<void> {
  const { channel, logger, signal } = call;
  try {
    const decoded = decodeBuild(parseRequest(payload), (name) => call.session.archive(name));
    call.session.know(decoded.firstFiles);
    const result = await runBuild(decoded, call);
    await channel.sendJson(FRAME.result, 0, result);
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof EngineError)) logger.error("a build failed", { error });
    const told: WireBuildError = {
      Kind: error instanceof EngineError ? error.kind : "internal",
      Message: messageOf(error),
    };
    await channel.sendJson(FRAME.failed, 0, told).catch(() => undefined); // the client has gone: nobody to tell
  }
}

function parseRequest(payload: Uint8Array): unknown {
  try {
    return decodeJson(payload);
  } catch (error) {
    throw invalid("the build request is no JSON", { cause: error });
  }
}

/** All events are sent before it returns or throws. */
async function runBuild(decoded: DecodedBuild, call: BuildCall): Promise<WireBuildResult> {
  const { builder, session, channel, signal } = call;
  const job = builder.start(decoded.ref, { session, ...(decoded.name === "" ? {} : { name: decoded.name }) });
  const told = tellEvents(job, channel, signal);
  let error: string | undefined;
  try {
    return await carryOut(job, decoded, signal);
  } catch (thrown) {
    error = messageOf(thrown);
    throw thrown;
  } finally {
    job.finish({ error });
    await told;
  }
}

async function carryOut(
  job: BuildJob,
  { call, request, outputs, cacheTo }: DecodedBuild,
  signal: AbortSignal,
): Promise<WireBuildResult> {
  if (call !== undefined) {
    const { json, text, warnings } = await job.call(request, call, signal);
    return { ImageId: "", Response: {}, Warnings: warnings.map(encodeWarning), Json: json, Text: text };
  }
  job.check(outputs, cacheTo, request);
  const solved = await job.solve(request, signal);
  const { imageId, response } = await job.export(solved, outputs, { cacheTo, signal });
  const warnings = solved.warnings.map(encodeWarning);
  return { ImageId: imageId ?? "", Response: response, Warnings: warnings, Json: "", Text: "" };
}

/** Sends the events of a build until it is over, several in a frame; the next are asked for when the client has room. Never rejects. */
async function tellEvents(job: BuildJob, channel: BuildChannel, signal: AbortSignal): Promise<void> {
  let [batch, bytes]: [WireBuildEvent[], number] = [[], 0];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = async () => {
    clearTimeout(timer);
    timer = undefined;
    const full = batch;
    [batch, bytes] = [[], 0];
    if (full.length > 0) await channel.sendJson(FRAME.events, 0, full);
  };
  try {
    for await (const event of job.events(signal)) {
      const encoded = encodeEvent(event);
      if (encoded === undefined) continue;
      batch.push(encoded);
      bytes += sizeOf(event);
      if (batch.length >= GATHER_EVENTS || bytes >= GATHER_BYTES) await flush();
      else timer ??= setTimeout(() => void flush().catch(() => undefined), GATHER_MS); // gone: the iteration ends, too
    }
    await flush();
  } catch {
    clearTimeout(timer); // the client has gone, which cancels the build
  }
}

function sizeOf(event: Parameters<typeof encodeEvent>[0]): number {
  if (event.kind === "log") return event.data.byteLength;
  return event.kind === "warning" ? event.warning.source.length : 0;
}
