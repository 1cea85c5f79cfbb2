import type { WaitCondition, WaitResult } from "./containers.ts";
import type { Entry } from "./entry.ts";
import { errorOf, exitCodeOf, isRunning } from "./state.ts";

/** Registered when the call returns. `not-running` of a container that does not run is answered at once. */
export function waitFor(entry: Entry, condition: WaitCondition, signal: AbortSignal): { result: Promise<WaitResult> } {
  if (condition === "not-running" && !isRunning(entry.run.state)) {
    const error = errorOf(entry.run.state);
    return { result: Promise.resolve({ code: exitCodeOf(entry.run.state), ...(error === "" ? {} : { error }) }) };
  }
  return { result: entry.waiters.add(condition, signal) };
}
