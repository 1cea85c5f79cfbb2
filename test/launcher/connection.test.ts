import { dlopen } from "bun:ffi";
import { expect, test } from "bun:test";
import { closeSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { listenUnix } from "../../src/kernel/unix-socket.ts";
import { connectLauncher } from "../../src/runtime/launcher/connection.ts";

const libc = dlopen("libc.so.6", {
  accept: { args: ["int", "ptr", "ptr"], returns: "int" },
  shutdown: { args: ["int", "int"], returns: "int" },
});
const SHUT_RD = 0;

test("a launcher that ends between connect and hello is a rejection, not an uncaught error", async () => {
  const directory = mkdtempSync(`${tmpdir()}/gantry-connection-`);
  try {
    const path = `${directory}/launcher.sock`;
    const listener = listenUnix(path, 8);
    const connecting = connectLauncher(path, new Uint8Array(4));
    // Nobody will read: to the writer it is as if the other side were gone, and no event says so before it writes.
    const peer = libc.symbols.accept(listener, null, null);
    libc.symbols.shutdown(peer, SHUT_RD);
    expect(((await connecting.catch((error) => error)) as { code?: string }).code).toBe("EPIPE");
    closeSync(peer);
    closeSync(listener);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
