import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import type { Duplex } from "node:stream";
import { type DispatchDeps, dispatch } from "../../src/api/dispatch.ts";
import { responseOutlet, socketOutlet } from "../../src/api/reply-writer.ts";
import { createRouter } from "../../src/api/router.ts";
import { buildStreamRoutes } from "../../src/api/routes/build-stream.ts";
import { silentLogger } from "../../src/base/logger.ts";
import type { Builder } from "../../src/builder/builder.ts";

export interface ServedBuilder extends AsyncDisposable {
  host: string;
  socketPath: string;
  /** A directory for the test, gone at the end. */
  directory: string;
}

/** The real API over a builder, on a socket of its own. */
export async function serveBuilder(builder: Builder, options: { silenceMs?: number } = {}): Promise<ServedBuilder> {
  const directory = mkdtempSync(`${tmpdir()}/gantry-build-`);
  const socketPath = `${directory}/d.sock`;
  const routes = buildStreamRoutes(builder, { logger: silentLogger, version: "1.2.3", ...options });
  const deps: DispatchDeps = { router: createRouter(routes), logger: silentLogger, headers: { "Api-Version": "1.55" } };
  const server = createServer();
  const sockets = new Set<Duplex>();
  const early = new Uint8Array(0);
  server.on("connection", (socket) => sockets.add(socket));
  server.on("request", (request, response) => {
    void dispatch({ request, outlet: responseOutlet(response), socket: request.socket, upgraded: false, early }, deps);
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Uint8Array) => {
    void dispatch({ request, outlet: socketOutlet(socket), socket, upgraded: true, early: head }, deps);
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    host: `unix://${socketPath}`,
    socketPath,
    directory,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
