import { readdirSync, readFileSync } from "node:fs";
import { runProgram } from "../test/harness/run-program.ts";

/** One engine under measurement: a daemon of its own, started for the run, and its own command line. */
export interface Peer {
  name: string;
  version: string;
  /** The engine's own command. */
  cli: string[];
  socket: string;
  env: Record<string, string>;
  /** Processes that serve all containers (daemon, containerd). */
  daemonPids(): number[];
  /** Processes that exist because containers run, beside the containers' own (shims, launchers, proxies). */
  supervisorPids(): number[];
  stop(): Promise<void>;
}

/** Runs the peer's command; milliseconds that it took. Throws when it fails. */
export async function timeCommand(peer: Peer, args: string[], cli = peer.cli): Promise<number> {
  const started = performance.now();
  const child = Bun.spawn([...cli, ...args], {
    env: { ...process.env, ...peer.env },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const code = await child.exited;
  const elapsed = performance.now() - started;
  if (code !== 0)
    throw new Error(`${peer.name}: ${args.join(" ")}: exit code ${code}: ${await new Response(child.stderr).text()}`);
  return elapsed;
}

export async function command(peer: Peer, args: string[]): Promise<string> {
  const result = await runProgram([...peer.cli, ...args], { env: peer.env, timeoutMs: 120_000 });
  if (result.code !== 0) throw new Error(`${peer.name}: ${args.join(" ")}: exit code ${result.code}: ${result.stderr}`);
  return result.stdout.trim();
}

/** Removes every container, at once. */
export async function removeAll(peer: Peer): Promise<void> {
  const ids = (await command(peer, ["ps", "-aq"])).split("\n").filter((id) => id !== "");
  if (ids.length > 0) await command(peer, ["rm", "-f", ...ids]);
}

/** Proportional set size: shared pages are counted once over all who share them. */
export function pssBytes(pids: number[]): number {
  let total = 0;
  for (const pid of pids) {
    const kib = /^Pss:\s+(\d+)/m.exec(readProc(pid, "smaps_rollup"))?.[1];
    total += Number(kib ?? 0) * 1024;
  }
  return total;
}

/** Processes whose command line fulfils `test`. */
export function pidsWhere(test: (command: string, parent: number, pid: number) => boolean): number[] {
  const pids = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return pids.filter((pid) => {
    const parent = Number(/^PPid:\s+(\d+)/m.exec(readProc(pid, "status"))?.[1] ?? 0);
    const text = readProc(pid, "cmdline").replaceAll("\0", " ");
    return text !== "" && test(text, parent, pid);
  });
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
