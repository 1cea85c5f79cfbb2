import { ConnectionError } from "../client/errors.ts";
import type { CliContext } from "./command.ts";
import { tellFailure } from "./failure.ts";

/** At most this many requests at a time, for verbs that take many names. */
const CONCURRENCY = 16;

/**
 * Does `act` for every name and prints what it returns, in the order of the names; failures are told on standard error and
 * make the exit code 1. A daemon that cannot be reached is told once.
 */
export async function forEachName(
  context: CliContext,
  names: readonly string[],
  act: (name: string) => Promise<string>,
): Promise<number> {
  const results: ({ text: string } | { error: unknown })[] = [];
  for (let at = 0; at < names.length; at += CONCURRENCY) {
    const batch = names.slice(at, at + CONCURRENCY);
    const settled = batch.map((name) =>
      act(name).then(
        (text) => ({ text }),
        (error: unknown) => ({ error }),
      ),
    );
    results.push(...(await Promise.all(settled)));
  }
  let code = 0;
  for (const result of results) {
    if ("text" in result) {
      if (result.text !== "") await context.io.out(`${result.text}\n`);
      continue;
    }
    code = await tellFailure(context, result.error);
    if (result.error instanceof ConnectionError) break;
  }
  return code;
}
