import type { CliContext } from "./command.ts";

/** Asks `question [y/N]` and reads one line; anything but y or yes is no. */
export async function confirm(context: CliContext, question: string): Promise<boolean> {
  await context.io.out(`${question} [y/N] `);
  let line = "";
  for await (const chunk of context.io.stdin()) {
    line += new TextDecoder().decode(chunk);
    if (line.includes("\n")) break;
  }
  const yes = /^(y|yes)$/i.test((line.split("\n")[0] ?? "").trim());
  if (!yes) await context.io.err("operation canceled\n");
  return yes;
}
