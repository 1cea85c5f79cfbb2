import { readFileSync } from "node:fs";

/** /proc/pid/status as text; undefined when there is no such process. */
export function processStatus(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    return undefined;
  }
}
