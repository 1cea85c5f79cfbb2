import type { Hijacked, Transport } from "../../client/transport.ts";
import type { CliContext } from "../command.ts";
import type { Parsed } from "../flags/flag-set.ts";
import type { Terminal } from "../terminal.ts";
import { copyInput, copyOutput, DEFAULT_DETACH_KEYS, Detached, parseDetachKeys } from "./streams.ts";

/** Signals that have a meaning for a container's process. SIGCHLD, SIGPIPE, SIGURG and SIGWINCH are our own. */
const PROXIED: NodeJS.Signals[] = [
  "SIGINT",
  "SIGTERM",
  "SIGHUP",
  "SIGQUIT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGCONT",
  "SIGTSTP",
  "SIGALRM",
];

/** Sends our signals to the container's process from now on. */
export function proxySignals(transport: Transport, id: string): void {
  for (const signal of PROXIED) {
    process.on(signal, () => {
      const query = { signal: signal.replace("SIG", "") };
      // The container may just have ended; then there is nobody to signal.
      transport.call("POST", `/containers/${id}/kill`, { query }).then(
        (answer) => drain(answer.stream()),
        () => undefined,
      );
    });
  }
}

async function drain(stream: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of stream);
}

export interface Session {
  /** Settles when the container's output has ended; rejects with Detached when the user left. */
  done: Promise<void>;
}

/** Joins our streams to a hijacked connection. Input, where wanted, stays open as long as output. */
export function joinStreams(
  context: CliContext,
  stream: Hijacked,
  options: { stdin: boolean; tty: boolean; terminal: Terminal | undefined; detachKeys: Uint8Array },
): Session {
  const output = copyOutput(stream.connection, options.tty, context.io);
  if (!options.stdin) return { done: output };
  const interactive = options.tty && options.terminal?.inputIsTerminal === true ? options.terminal : undefined;
  interactive?.setRaw();
  const input = copyInput(
    context.io.stdin(),
    stream.connection,
    interactive === undefined ? undefined : options.detachKeys,
  );
  const left = new Promise<never>((_, reject) => {
    // A failure to write input is told by the end of output; only detaching ends the session from this side.
    input.catch((error: unknown) => (error instanceof Detached ? reject(error) : undefined));
  });
  const done = Promise.race([output, left]).finally(() => interactive?.restore());
  return { done };
}

/** The exit code of a session that has been joined; leaving it by the detach keys is told, and a success. */
export async function endOfSession(
  context: CliContext,
  done: Promise<void>,
  exitCode: () => Promise<number>,
): Promise<number> {
  try {
    await done;
  } catch (error) {
    if (!(error instanceof Detached)) throw error;
    await context.io.err(`${error.message}\n`);
    return 0;
  }
  return exitCode();
}

/** `--detach-keys`, else the configured ones; as text for the daemon ("" is its default) and as bytes for us. */
export async function detachKeysOf(context: CliContext, flags: Parsed): Promise<{ text: string; bytes: Uint8Array }> {
  const text = flags.string("detach-keys") || (await context.config()).detachKeys || "";
  return { text, bytes: parseDetachKeys(text === "" ? DEFAULT_DETACH_KEYS : text) };
}

/** Tells the daemon our terminal's size now and whenever it changes. `path`: of the container or exec. */
export function followSize(transport: Transport, path: string, terminal: Terminal): void {
  const send = () => {
    const [h, w] = terminal.size();
    if (h === 0 && w === 0) return;
    transport.call("POST", `${path}/resize`, { query: { h, w } }).then(
      (answer) => drain(answer.stream()),
      () => undefined, // not started yet, or gone: the next change tries again
    );
  };
  send();
  terminal.onResize(send);
}
