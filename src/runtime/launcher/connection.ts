import { connect, type Socket } from "node:net";
import { withShortPath } from "../../kernel/unix-socket.ts";

/**
 * Connects to a launcher and introduces the connection with `hello`, which the kernel has taken when the promise resolves.
 * Half-open: each side ends its direction by itself. Rejects with the socket's error (`code` ECONNREFUSED or ENOENT: no launcher
 * there; EPIPE: it ended just now).
 */
export function connectLauncher(path: string, hello: Uint8Array): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = withShortPath(path, (short) => connect({ path: short, allowHalfOpen: true }));
    // It stays: a failed write is told before whoever awaits the promise can listen, and nobody listening would end the daemon.
    socket.on("error", reject);
    socket.once("connect", () => {
      socket.write(hello, (error) => {
        if (error == null) resolve(socket);
        else reject(error);
      });
    });
  });
}

/** A launcher that has ended resets what it had not read yet; to the reader that is an end like any other. */
export function isDisconnect(error: unknown): boolean {
  const code = (error as { code?: string }).code;
  return code === "ECONNRESET" || code === "EPIPE" || code === "ECONNREFUSED" || code === "ENOENT";
}
