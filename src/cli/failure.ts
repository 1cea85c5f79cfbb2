import { ClientError, ConnectionError } from "../client/errors.ts";
import { type CliContext, ExitError } from "./command.ts";
import { paintErrors } from "./paint.ts";

/** What a verb that threw leaves behind. */
export interface Failure {
  code: number;
  message: string;
  /** What the user may do about it; "" where we know of nothing. */
  advice: string;
}

/** The words and the exit code for anything that a verb threw. Pure. */
export function describeFailure(error: unknown): Failure {
  const advice = adviceOn(error instanceof ExitError ? error.cause : error);
  if (error instanceof ExitError) return { code: error.code, message: error.message, advice };
  if (error instanceof ClientError) return { code: 1, message: `Error response from daemon: ${error.message}`, advice };
  return { code: 1, message: error instanceof Error ? error.message : String(error), advice };
}

function adviceOn(error: unknown): string {
  if (error instanceof ConnectionError) {
    if (error.denied)
      return "Use sudo, or let the daemon share its socket with a group of yours: gantry daemon --group GROUP";
    if (error.host.startsWith("unix:")) {
      return "Start it with 'sudo gantry daemon', or name another one with -H or DOCKER_HOST.";
    }
    return "Look whether a daemon listens there; -H, DOCKER_HOST and the context name the address.";
  }
  if (error instanceof ClientError && error.status === 404 && /no such image/i.test(error.message)) {
    return "'gantry images' lists what is here; 'gantry load' and 'gantry import' bring in more.";
  }
  return "";
}

/** Writes the message to standard error, `Error` in red on a terminal. */
export async function tellError(context: CliContext, message: string): Promise<void> {
  await context.io.err(`${paintErrors(await context.paint("err"), message)}\n`);
}

/** The message with its advice; returns the exit code. */
export async function tellFailure(context: CliContext, error: unknown): Promise<number> {
  const { code, message, advice } = describeFailure(error);
  if (message !== "") await tellError(context, message);
  if (advice !== "") await context.io.err(`${advice}\n`);
  return code;
}
