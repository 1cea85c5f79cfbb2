import { readFileSync } from "node:fs";
import { ESRCH, SystemError } from "./errno.ts";
import { syscall, trySyscall } from "./libc.ts";

/** Which process a number means: pids are used again, pid and start time are not. */
export interface ProcessName {
  pid: number;
  /** Clock ticks since boot. */
  startTicks: bigint;
}

/** The process's start, or undefined if there is none. */
export function readStartTicks(pid: number): bigint | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined;
  }
  return parseStartTicks(text);
}

/** /proc/pid/status as text; undefined when there is no such process. */
export function processStatus(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    return undefined;
  }
}

/** Field 22 of proc_pid_stat(5). The name in parentheses may hold anything, so fields are counted from its end. */
export function parseStartTicks(stat: string): bigint | undefined {
  const field = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  return field !== undefined && /^\d+$/.test(field) ? BigInt(field) : undefined;
}

/** A descriptor that names the process for ever. Undefined if it is gone or the number is another's now. The caller closes it. */
export function openPidfd({ pid, startTicks }: ProcessName): number | undefined {
  const fd = trySyscall("pidfd_open", pid, 0);
  if (fd < 0) {
    if (-fd === ESRCH) return undefined;
    throw new SystemError("pidfd_open", -fd, String(pid));
  }
  if (readStartTicks(pid) === startTicks) return fd;
  syscall("close", String(pid), fd);
  return undefined;
}

/** Sends a signal through a pidfd. False if the process has ended. */
export function signalPidfd(pidfd: number, signal: number): boolean {
  const result = trySyscall("pidfd_send_signal", pidfd, signal, 0, 0);
  if (result < 0 && -result !== ESRCH) throw new SystemError("pidfd_send_signal", -result, String(signal));
  return result === 0;
}

export interface SpawnRequest {
  /** Argument vector; [0] is the name that the process shows. */
  argv: [string, ...string[]];
  /** Executable, by descriptor. */
  executable: number;
  /** Descriptors that the process gets as 0, 1, 2, …; "ignore" is /dev/null. */
  stdio: ("ignore" | number)[];
  onExit: (code: number | null) => void;
}

/** Starts a program that goes its own way: it does not keep us alive, and we do not end it. Returns its pid. */
export function spawnDetached(request: SpawnRequest): number {
  const [argv0, ...rest] = request.argv;
  const child = Bun.spawn({
    cmd: [`/proc/self/fd/${request.executable}`, ...rest],
    argv0,
    stdio: request.stdio as ["ignore", "ignore", "ignore"],
    env: {},
    onExit: (_child, code) => request.onExit(code),
  });
  child.unref();
  return child.pid;
}
