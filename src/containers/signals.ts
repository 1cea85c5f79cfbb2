import { constants } from "node:os";
import { invalid } from "../base/errors.ts";

const LAST_SIGNAL = 64;
const SIGRTMIN = 34;
const SIGRTMAX = 64;

/** `TERM`, `SIGTERM`, `sigterm`, `15`, `RTMIN+3`. Throws invalid-argument with Docker's text. */
export function parseSignal(text: string): number {
  const number = /^\d+$/.test(text) ? Number(text) : named(text.toUpperCase().replace(/^SIG/, ""));
  if (number === undefined || number < 1 || number > LAST_SIGNAL) throw invalid(`Invalid signal: ${text}`);
  return number;
}

function named(name: string): number | undefined {
  const realTime = /^RT(MIN|MAX)(?:([+-])(\d{1,2}))?$/.exec(name);
  if (realTime !== null) {
    const offset = Number(realTime[3] ?? 0) * (realTime[2] === "-" ? -1 : 1);
    const value = (realTime[1] === "MIN" ? SIGRTMIN : SIGRTMAX) + offset;
    return value >= SIGRTMIN && value <= SIGRTMAX ? value : undefined;
  }
  return (constants.signals as Record<string, number>)[`SIG${name}`];
}

export const { SIGKILL, SIGTERM } = constants.signals;

/** The signal numbers of a `SigCgt:`-like hexadecimal mask of /proc/pid/status. */
function maskHas(mask: bigint, signal: number): boolean {
  return (mask & (1n << BigInt(signal - 1))) !== 0n;
}

/**
 * Whether `signal` can have an effect on a container's first process: it has a handler for it, or blocks it (signalfd, sigwait).
 * The kernel drops every other signal for the first process of a pid namespace, so waiting for it would be in vain. A process
 * that is not the first of its namespace, or whose status cannot be read, is taken to react. @see signal(7), pid_namespaces(7)
 */
export function reactsTo(status: string, signal: number): boolean {
  const namespacePids = /^NSpid:\s*([\d\s]+)$/m.exec(status)?.[1]?.trim().split(/\s+/);
  if (namespacePids === undefined || namespacePids.length < 2 || namespacePids.at(-1) !== "1") return true;
  const masks = ["SigBlk", "SigCgt"].map((name) => new RegExp(`^${name}:\\s*([0-9a-f]+)$`, "m").exec(status)?.[1]);
  return masks.some((mask) => mask === undefined || maskHas(BigInt(`0x${mask}`), signal));
}
