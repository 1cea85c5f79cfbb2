import { messageOf } from "../base/errors.ts";
import { ClientError } from "../client/errors.ts";
import { type CliContext, ExitError } from "./command.ts";
import { paintErrors } from "./paint.ts";
import { printable } from "./printable.ts";

/** What a verb that threw leaves behind. */
export interface Failure {
  code: number;
  message: string;
}

/** The words and the exit code for anything that a verb threw. Pure. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof ExitError) return { code: error.code, message: error.message };
  if (error instanceof ClientError) return { code: 1, message: `Error response from daemon: ${error.message}` };
  return { code: 1, message: messageOf(error) };
}

/** Writes the message to standard error, `Error` in red on a terminal. */
export async function tellError(context: CliContext, message: string): Promise<void> {
  // Much of it may be a registry's or a container's words.
  await context.io.err(`${paintErrors(await context.paint("err"), printable(message))}\n`);
}

/** The message with what the user may do about it; returns the exit code. */
export async function tellFailure(context: CliContext, error: unknown): Promise<number> {
  const { code, message } = describeFailure(error);
  if (message !== "") await tellError(context, message);
  const { adviceOn } = await import("./advice.ts");
  const advice = adviceOn(error instanceof ExitError ? error.cause : error, context.program);
  if (advice !== "") await context.io.err(`${advice}\n`);
  return code;
}
