import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { DetachScanner } from "./detach-keys.ts";
import { httpStatus } from "./http-status.ts";
import type { UpgradeReply } from "./route.ts";

/** How long a client may keep its half open after ours has ended. */
const LINGER_MS = 10_000;
const RAW_STREAM = "application/vnd.docker.raw-stream";

export interface HijackRequest {
  socket: Duplex;
  /** Bytes of the stream that came with the request's head. */
  early: Uint8Array;
  /** The client asked with `Upgrade: tcp`; without, Docker answers 200. */
  upgraded: boolean;
  /** Head lines that every answer has. */
  headers: Record<string, string>;
  logger: Logger;
}

/** Gives the connection to the other end of `upgrade` until both are done. Never rejects. */
export async function hijack({ upgrade }: UpgradeReply, request: HijackRequest): Promise<void> {
  const { socket, logger } = request;
  const gone = new AbortController();
  const onGone = () => gone.abort();
  socket.once("close", onGone);
  socket.on("error", () => socket.destroy());
  try {
    if (upgrade.headFirst) socket.write(head(request, upgrade));
    const other = await upgrade.open(gone.signal);
    if (gone.signal.aborted) {
      other.destroy();
      return;
    }
    if (!upgrade.headFirst) socket.write(head(request, upgrade));
    await join(socket, other, {
      early: request.early,
      detachKeys: upgrade.detachKeys,
      onDetach: () => upgrade.onDetach(),
      ended: upgrade.ended ?? (() => Promise.resolve()),
    });
  } catch (error) {
    logger.info("a hijacked stream was refused", { error: messageOf(error) });
    socket.write(
      upgrade.headFirst ? upgrade.encodeError(messageOf(error)) : refusal(error, request, upgrade.contentType),
    );
    endGently(socket);
  } finally {
    socket.off("close", onGone);
  }
}

function head({ upgraded, headers }: HijackRequest, { protocol, contentType }: UpgradeReply["upgrade"]): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  if (protocol !== undefined) {
    return `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n${lines.join("")}\r\n`;
  }
  return upgraded
    ? `HTTP/1.1 101 UPGRADED\r\nContent-Type: ${contentType}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n${lines.join("")}\r\n`
    : `HTTP/1.1 200 OK\r\nContent-Type: ${RAW_STREAM}\r\n${lines.join("")}\r\n`;
}

/** Docker writes this one by hand: plain text, no length. */
function refusal(error: unknown, { upgraded, headers }: HijackRequest, contentType: string): string {
  const status = httpStatus(error);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const type = upgraded ? contentType : RAW_STREAM;
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\nContent-Type: ${type}\r\n${lines.join("")}\r\n${messageOf(error)}\r\n`;
}

interface JoinOptions {
  early: Uint8Array;
  detachKeys: Uint8Array;
  onDetach: () => void;
  ended: () => Promise<void>;
}

/** Copies both ways with backpressure. Ends when `other`'s output has ended, or the client is gone, or has detached. */
function join(socket: Duplex, other: Duplex, { early, detachKeys, onDetach, ended }: JoinOptions): Promise<void> {
  return new Promise((resolve) => {
    const scanner = new DetachScanner(detachKeys);
    let finished = false;
    const finish = () => {
      if (finished) return;
      finished = true;
      socket.off("data", onInput).off("end", onInputEnd).off("close", onClientGone).off("drain", onSocketDrain);
      endGently(socket);
      other.destroy();
      resolve();
    };
    const onOutputEnd = () => void ended().then(finish, finish);
    const onInput = (chunk: Uint8Array) => {
      const { input, detached } = scanner.push(chunk);
      if (input.byteLength > 0 && !other.destroyed && !other.writableEnded && !other.write(input)) socket.pause();
      if (!detached) return;
      onDetach();
      finish();
    };
    const onInputEnd = () => {
      if (!other.destroyed && !other.writableEnded) other.end();
    };
    const onClientGone = () => finish();
    const onSocketDrain = () => other.resume();
    other.on("drain", () => socket.resume());
    // A closed input (the process does not read any more) must not stop us from seeing the client's end.
    other.on("error", onOutputEnd);
    other.on("data", (chunk: Uint8Array) => {
      if (!socket.write(chunk)) other.pause();
    });
    other.on("end", onOutputEnd);
    other.on("close", onOutputEnd);
    socket.on("drain", onSocketDrain);
    socket.on("data", onInput);
    socket.on("end", onInputEnd);
    socket.on("close", onClientGone);
    // A task that ended at once has ended its streams before anybody listened.
    if (socket.destroyed) finish();
    else if (other.destroyed || other.readableEnded) onOutputEnd();
    else if (early.byteLength > 0) onInput(early);
  });
}

/**
 * Ends our half and reads the client's to its end: a socket closed with unread input would make the peer's next read fail, and
 * it might not have read everything.
 */
export function endGently(socket: Duplex): void {
  if (socket.destroyed) return;
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  timer.unref();
  socket.once("close", () => clearTimeout(timer));
  socket.on("end", () => socket.destroySoon?.call(socket));
  socket.on("data", () => undefined);
  socket.resume();
  socket.end();
}

declare module "node:stream" {
  interface Duplex {
    /** Of sockets: destroyed when all that was written is out. */
    destroySoon?(): void;
  }
}
