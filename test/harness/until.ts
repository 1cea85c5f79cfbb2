import { messageOf } from "../../src/base/errors.ts";

const STEP_MS = 10;

/**
 * Waits for a state: resolves with the first value of `condition` that is neither undefined nor false. A condition that throws is
 * not yet true. Rejects after `timeoutMs`, with what it waited for and the last error.
 */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  options: { timeoutMs?: number } = {},
): Promise<Exclude<T, undefined | false>> {
  const { timeoutMs = 10_000 } = options;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    let last: unknown;
    try {
      const value = await condition();
      if (value !== undefined && value !== false) return value as Exclude<T, undefined | false>;
    } catch (error) {
      last = error;
    }
    if (performance.now() >= deadline) {
      throw new Error(`not within ${timeoutMs} ms: ${what}${last === undefined ? "" : `: ${messageOf(last)}`}`);
    }
    await Bun.sleep(STEP_MS);
  }
}
