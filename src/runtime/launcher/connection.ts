import { connect, type Socket } from "node:net";
import { withShortPath } from "../../kernel/unix-socket.ts";

/**
 * Connects to a launcher and introduces the connection with `hello`, which is on its way when the promise resolves. Half-open:
 * each side ends its direction by itself. Rejects with the socket's error (`code` ECONNREFUSED or ENOENT: no launcher there).
 */
export function connectLauncher(path: string, hello: Uint8Array): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = withShortPath(path, (short) => connect({ path: short, allowHalfOpen: true }));
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      socket.write(hello);
      resolve(socket);
    });
  });
}

/** A launcher that has ended resets what it had not read yet; to the reader that is an end like any other. */
export function isDisconnect(error: unknown): boolean {
  const code = (error as { code?: string }).code;
  return code === "ECONNRESET" || code === "EPIPE" || code === "ECONNREFUSED" || code === "ENOENT";
}
