import { fromNanoseconds } from "./frames.ts";
import type { Exit } from "./launcher.ts";

/** What a launcher wrote before it reported its task's end: lines `key number`. Undefined if it is not whole. */
export function parseExitRecord(text: string): Exit | undefined {
  const fields = new Map<string, bigint>();
  for (const line of text.split("\n")) {
    const match = /^(\w+) (\d{1,20})$/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) fields.set(match[1], BigInt(match[2]));
  }
  const code = fields.get("code");
  const finished = fields.get("finished_ns");
  if (code === undefined || finished === undefined) return undefined;
  return {
    code: Number(code),
    signal: Number(fields.get("signal") ?? 0n),
    oomKilled: (fields.get("oom") ?? 0n) !== 0n,
    finishedAt: fromNanoseconds(finished),
  };
}
