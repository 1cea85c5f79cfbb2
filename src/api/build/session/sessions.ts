import type { Duplex } from "node:stream";
import { conflict, EngineError } from "../../../base/errors.ts";
import { AwaitedMap } from "../awaited-map.ts";
import { createGrpcSession, type GrpcSession } from "./grpc-session.ts";
import type { SessionHello } from "./hello.ts";

/** Clients that wait for their builds at one time. */
const MAX_SESSIONS = 1024;
/** A build and its session come over two connections, in any order. */
const ARRIVAL_MS = 5000;

/** The clients of builds that can be asked for things. */
export interface Sessions {
  /**
   * Takes a connection whose other end serves. Throws conflict when the name is taken, unavailable when there are too many. The
   * session ends with the connection.
   */
  open(connection: Duplex, hello: SessionHello): GrpcSession;
  /** The session of this name, also one that comes within a moment. Throws not-found in BuildKit's words. */
  wait(id: string, signal: AbortSignal): Promise<GrpcSession>;
}

export function createSessions({ arrivalMs = ARRIVAL_MS }: { arrivalMs?: number } = {}): Sessions {
  const sessions = new AwaitedMap<GrpcSession>(arrivalMs);
  return {
    open(connection, hello) {
      if (sessions.has(hello.id)) throw conflict(`session ${hello.id} already exists`);
      if (sessions.size >= MAX_SESSIONS) throw new EngineError("unavailable", "too many build sessions");
      const session = createGrpcSession(connection, hello);
      sessions.set(hello.id, session);
      session.closed.addEventListener("abort", () => sessions.delete(hello.id), { once: true });
      return session;
    },
    async wait(id, signal) {
      const found = await sessions.wait(id, signal);
      if (found !== undefined) return found;
      throw new EngineError("not-found", `no active session for ${id}: context deadline exceeded`);
    },
  };
}
