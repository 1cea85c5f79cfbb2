import type { CliContext } from "./command.ts";
import { createLineReader } from "./line-reader.ts";

/** Asks `question [y/N]` and reads one line; anything but y or yes is no. */
export async function confirm(context: CliContext, question: string): Promise<boolean> {
  await context.io.out(`${question} [y/N] `);
  const answer = (await createLineReader(context.io.stdin()).next()) ?? "";
  const yes = /^(y|yes)$/i.test(answer.trim());
  if (!yes) await context.io.err("operation canceled\n");
  return yes;
}
