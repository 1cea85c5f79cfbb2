import type { Clock } from "../../base/clock.ts";
import { ConnectionError } from "./connection-error.ts";
import { RegistryError } from "./registry-error.ts";

const ATTEMPTS = 3;
const FIRST_DELAY_MS = 300;

/** Sends a small request again where the server stumbled: a broken connection, a status of its own faults. Not where nobody is there. */
export async function retrying<T>(
  { clock }: { clock: Pick<Clock, "sleep"> },
  signal: AbortSignal,
  request: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await request();
    } catch (error) {
      if (attempt === ATTEMPTS || !isStumble(error)) throw error;
      await clock.sleep(FIRST_DELAY_MS * 2 ** (attempt - 1), signal);
    }
  }
}

/** Of a server that was there. */
export function isStumble(error: unknown): boolean {
  return (
    (error instanceof ConnectionError && error.isBroken) || (error instanceof RegistryError && error.isFaultOfServer)
  );
}
