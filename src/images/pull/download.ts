import type { Clock } from "../../base/clock.ts";
import type { BufferMeter } from "../../base/buffer-meter.ts";
import { EngineError, invalid, messageOf } from "../../base/errors.ts";
import type { Digest } from "../../formats/oci/digest.ts";
import { ConnectionError, connectionError } from "../../registry/client/connection-error.ts";
import { blobRequest } from "./read-blob.ts";
import type { Repository } from "../../registry/client/registry-client.ts";
import { RegistryError } from "../../registry/client/registry-error.ts";
import type { PartialIngest } from "../../storage/content/content.ts";

export interface DownloadLimits {
  /** Attempts without progress before the download is given up. */
  attempts: number;
  /** A connection that brings next to nothing for so long is given up. */
  stallMs: number;
}

export interface DownloadDeps {
  /** Of all downloads together. */
  buffers: BufferMeter;
  clock: Pick<Clock, "sleep" | "monotonicMs">;
  limits: DownloadLimits;
}

export interface DownloadRequest {
  /** Whoever has the blob, asked by turns; never empty, and asked for anew before each attempt. */
  repositories: () => Pick<Repository, "blob">[];
  blob: { digest: Digest; sizeBytes: number };
  partial: PartialIngest;
  signal: AbortSignal;
  /** All that is there now. */
  onBytes: (availableBytes: number) => void;
  /** Before a wait. */
  onRetry: (delayMs: number) => void;
  /** The registry is so slow that others should not have to wait for it. */
  onSlow: () => void;
}

/** What an attempt must have brought to count as progress: a server that gives a byte at a time is left at last. */
const PROGRESS_BYTES = 1 << 20;
/** Less than this in `stallMs` is a stall. */
const STALL_BYTES = 16 << 10;
/** Less than this in `stallMs` is slow. */
const SLOW_BYTES = 1 << 20;
const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 15_000;

/**
 * Brings a blob whole into `partial`, by Range from where it stands, over as many connections as it takes. Throws invalid-argument
 * when the server has another number of bytes than the descriptor says, unavailable when the attempts are used up. Nothing is verified.
 */
export async function download(deps: DownloadDeps, request: DownloadRequest): Promise<void> {
  const { partial, blob, signal, onRetry } = request;
  let failures = 0;
  let attempts = 0;
  while (partial.sizeBytes < blob.sizeBytes || blob.sizeBytes === 0) {
    const before = partial.sizeBytes;
    try {
      const repositories = request.repositories();
      const repository = repositories[attempts++ % repositories.length] as Source;
      // After two failures in a row the registry itself is asked, and its mirrors by turns with it.
      await attempt(deps, { ...request, repository, pastMirrors: failures > 0 && failures % 2 === 0 });
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (!isPassing(error)) throw error;
      failures = partial.sizeBytes - before >= PROGRESS_BYTES ? 1 : failures + 1;
      if (failures >= deps.limits.attempts) throw gaveUp(blob.digest, failures, error);
      const delayMs = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (failures - 1));
      onRetry(delayMs);
      await deps.clock.sleep(delayMs, signal);
    }
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof ConnectionError || (error instanceof RegistryError && error.isFaultOfServer);
}

function gaveUp(digest: Digest, attempts: number, cause: unknown): EngineError {
  return new EngineError(
    "unavailable",
    `download of ${digest} failed after ${attempts} attempts: ${messageOf(cause)}`,
    {
      cause,
    },
  );
}

type Source = Pick<Repository, "blob">;

interface Attempt extends DownloadRequest {
  repository: Source;
  pastMirrors: boolean;
}

async function attempt(deps: DownloadDeps, request: Attempt): Promise<void> {
  const { repository, pastMirrors, blob, partial, signal, onBytes } = request;
  const stalled = new AbortController();
  const both = AbortSignal.any([signal, stalled.signal]);
  const { sizeBytes } = blob;
  const remote = await repository.blob(blob.digest, {
    offset: partial.sizeBytes,
    sizeBytes,
    pastMirrors,
    signal: both,
  });
  // A server that cannot continue begins anew: what is here already is passed over.
  let skipBytes = partial.sizeBytes - remote.offset;
  const guard = watchFlow(deps.limits.stallMs, { onSlow: request.onSlow, onStall: () => stalled.abort() });
  try {
    for await (const chunk of remote.body) {
      guard.received(chunk.length);
      deps.buffers.passed(chunk.length);
      const skipped = Math.min(skipBytes, chunk.length);
      skipBytes -= skipped;
      if (skipped === chunk.length) continue;
      if (partial.sizeBytes + chunk.length - skipped > blob.sizeBytes) {
        throw invalid(`blob ${blob.digest} is longer than the ${blob.sizeBytes} bytes that were announced`);
      }
      await partial.write(chunk.subarray(skipped));
      onBytes(partial.sizeBytes);
    }
  } catch (error) {
    signal.throwIfAborted();
    throw passing(error, blob.digest, stalled.signal.aborted);
  } finally {
    guard.end();
  }
  if (partial.sizeBytes < blob.sizeBytes) throw broken(blob.digest, "unexpected EOF");
}

/** What the network did may be tried again; a full disk and a lie of the registry may not. */
function passing(error: unknown, digest: Digest, hasStalled: boolean): unknown {
  if (hasStalled) return broken(digest, "the connection stalled", error);
  const isOurs = error instanceof EngineError || typeof (error as { syscall?: unknown }).syscall === "string";
  return isOurs ? error : connectionError(blobRequest(digest), error);
}

function broken(digest: Digest, reason: string, cause?: unknown): ConnectionError {
  return new ConnectionError(blobRequest(digest), reason, cause);
}

/** Tells when little, or next to nothing, has come for `stallMs`. */
function watchFlow(stallMs: number, { onSlow, onStall }: { onSlow: () => void; onStall: () => void }) {
  let bytes = 0;
  const timer = setInterval(() => {
    if (bytes < SLOW_BYTES) onSlow();
    if (bytes < STALL_BYTES) onStall();
    bytes = 0;
  }, stallMs);
  return {
    received(count: number): void {
      bytes += count;
    },
    end: () => clearInterval(timer),
  };
}
