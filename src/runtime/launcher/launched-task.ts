import { ESRCH, errnoName } from "../../kernel/errno.ts";
import { connectLauncher, isDisconnect } from "./connection.ts";
import { encodeAttach, encodeCloseStdin, encodeResize, encodeSignal, type LauncherEvent } from "./frames.ts";
import type { Attachment, AttachRequest, Exit, Task } from "./launcher.ts";
import type { TaskConnection } from "./task-connection.ts";

type Started = Extract<LauncherEvent, { type: "started" }>;

export interface TaskParts {
  id: string;
  socketPath: string;
  connection: TaskConnection;
  started: Started;
  /** What is known of the end when the launcher is gone without a word: its exit record, or that somebody killed it. */
  exitAfterLoss: () => Promise<Exit>;
}

/** The task behind a connection that has said `started`. */
export function createTask({ id, socketPath, connection, started, exitAfterLoss }: TaskParts): Task {
  const oomListeners = new Set<() => void>();
  let oomSeen = false;
  const exited = new Promise<Exit>((resolve) => {
    let ended = false;
    connection.onEvent((event) => {
      if (event.type === "exited") {
        ended = true;
        resolve(event.exit);
      }
      if (event.type === "oom") {
        oomSeen = true;
        for (const listener of oomListeners) listener();
      }
    });
    void connection.closed.then(async () => {
      if (!ended) resolve(await exitAfterLoss());
    });
  });

  async function request(frame: Uint8Array, what: string): Promise<void> {
    const errno = await connection.request(frame);
    if (errno !== 0) throw new Error(`${what} of task ${id}: ${errnoName(errno)}`);
  }

  return {
    id,
    pid: started.pid,
    startTicks: started.startTicks,
    startedAt: started.startedAt,
    exited,
    attach: (attach) => openAttachment(socketPath, attach),
    resize: (rows, columns) => request(encodeResize(rows, columns), "resize"),
    async signal(signal) {
      const errno = await connection.request(encodeSignal(signal)).catch(() => ESRCH);
      if (errno !== 0 && errno !== ESRCH) throw new Error(`signal ${signal} to task ${id}: ${errnoName(errno)}`);
      return errno === 0;
    },
    closeStdin: () => request(encodeCloseStdin(), "closing the input"),
    onOutOfMemory(listener) {
      oomListeners.add(listener);
      if (oomSeen) listener();
    },
  };
}

/** Rejects if there is no launcher (any more). */
export async function openAttachment(socketPath: string, request: AttachRequest): Promise<Attachment> {
  const socket = await connectLauncher(socketPath, encodeAttach(request));
  // Without a listener the end of the launcher would be an uncaught error; with it the stream just closes.
  socket.on("error", (error) => {
    if (isDisconnect(error)) socket.push(null);
  });
  return socket;
}
