import { isIP } from "node:net";
import { resolve } from "node:path";
import { createSystemClock } from "../base/clock.ts";
import { createLogger, type Logger } from "../base/logger.ts";
import { lockFile } from "../kernel/file-lock.ts";
import type { RegistryConfig } from "../registry/server/config/config.ts";
import { loadPage, type PageSettings } from "../registry/page/load-page.ts";
import { startRegistry } from "../registry/server/start-registry.ts";
import { version } from "../../package.json" with { type: "json" };

/** Serves until SIGTERM or SIGINT, then finishes what runs. Returns the exit code; throws when it cannot start. */
export async function serveRegistry(config: RegistryConfig): Promise<number> {
  const logger = createLogger(config.logLevel, (line) => process.stderr.write(line));
  const stopped = stopSignal(logger);
  const registry = await startRegistry(
    { ...config, root: resolve(config.root) },
    {
      lock: lockFile,
      clock: createSystemClock(),
      logger,
      loadPage: () => loadPage(pageSettings(config)),
      accessLog: {
        write: (text) => void process.stdout.write(text),
        pendingBytes: () => process.stdout.writableLength,
      },
    },
  );
  warnOfPlainHttp(config, logger);
  logger.info("registry listens", { host: config.listen.host, port: registry.port, root: config.root });
  await stopped;
  await registry.stop();
  // Lines of the access log on their way to a pipe.
  await new Promise((written) => process.stdout.write("", written));
  logger.info("registry stopped");
  return 0;
}

function pageSettings({ deletes, readOnly, proxy }: RegistryConfig): PageSettings {
  const unchanging = readOnly || proxy !== undefined;
  return { delete: deletes && !unchanging, readOnly: unchanging, version, proxyOf: proxy?.url ?? null };
}

function stopSignal(logger: Logger): Promise<void> {
  return new Promise((done) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const)
      process.on(signal, () => {
        logger.info("stopping", { signal });
        done();
      });
  });
}

function warnOfPlainHttp({ listen: { host }, tls, htpasswd }: RegistryConfig, logger: Logger): void {
  const loopback = host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
  if (tls !== undefined || loopback) return;
  logger.warn("plain HTTP beyond this host: images and passwords can be read and changed on their way", {
    host,
    login: htpasswd !== "",
  });
}
