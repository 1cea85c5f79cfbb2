import type { RegistryConfig } from "./config/config.ts";
import type { RequestHandler } from "./handle-request.ts";
import { DistributionError } from "./http/error-codes.ts";
import { replyError, toDistributionError } from "./http/replies.ts";
import { isErrno } from "./storage/files.ts";

/** Longest that Bun lets a connection be idle, in seconds. */
const MAX_IDLE_SECONDS = 255;
const PROGRESS_MS = 50;

export interface Listener {
  port: number;
  /** Stops accepting, waits for the requests that run, then closes what is left. */
  stop(limitMs: number): Promise<void>;
}

export interface ListenOptions {
  handler: RequestHandler;
  tls: { cert: string; key: string } | undefined;
  limits: RegistryConfig["limits"];
  /** Other processes listen on the same address; the kernel shares the connections out. */
  shared: boolean;
}

/** Throws when the address cannot be had. */
export function listen(address: RegistryConfig["listen"], options: ListenOptions): Listener {
  const { handler, tls, limits, shared } = options;
  const server = Bun.serve({
    hostname: address.host,
    port: address.port,
    // Else Bun shows errors, with their source, to whoever asks.
    development: false,
    reusePort: shared,
    // Blobs have no largest size; documents have, and are measured where they are read.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    idleTimeout: Math.ceil(limits.stallMs / 1000),
    ...(tls === undefined ? {} : { tls }),
    fetch(request, self) {
      // While a body comes in, its own limit counts; and when it is in, the disk may take its time.
      if (request.body !== null) self.timeout(request, MAX_IDLE_SECONDS);
      return handler.handle(request, {
        address: self.requestIP(request)?.address ?? "",
        pending: self.pendingRequests,
      });
    },
    // Of an answer that is a file: the collector or a deletion took it after it was looked up.
    error: (error) =>
      replyError(isErrno(error, "ENOENT") ? new DistributionError("BLOB_UNKNOWN") : toDistributionError(error)),
  });
  return {
    port: server.port ?? 0,
    async stop(limitMs) {
      const ended = server.stop(false);
      for (let waitedMs = 0; waitedMs < limitMs && server.pendingRequests > 0; waitedMs += PROGRESS_MS)
        await Bun.sleep(PROGRESS_MS);
      await server.stop(true);
      await ended;
    },
  };
}
