import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { baseDisk, bootFiles, sourceDisk } from "./machine-image.ts";

const REPOSITORY = resolve(import.meta.dir, "../..");
const QEMU = "/usr/bin/qemu-system-x86_64";

export interface VmResult {
  /** What the command printed, both streams. */
  output: string;
  /** Exit code of the command; undefined when the machine ended without one (a panic, a time-out). */
  code: number | undefined;
  /** The whole serial console. */
  console: string;
  bootMs: number;
}

/** Why no machine can be started here, or undefined. */
export function whyNoVm(): string | undefined {
  if (process.arch !== "x64") return "the machine's kernel is for x86-64";
  return existsSync(QEMU) ? undefined : `${QEMU} is not installed`;
}

/**
 * Boots Debian's own kernel, with cgroup v2 only, and runs Bun with these arguments as root in it, in a
 * copy of this repository: `["test", "./file.ts"]`. No argument may hold white space. Under emulation: nested virtualisation is not to be had everywhere. Throws on a time-out.
 */
export async function runInVm(
  command: string[],
  options: { timeoutMs: number; memoryMib?: number },
): Promise<VmResult> {
  const [{ kernel, initrd }, disk] = [await bootFiles(), await baseDisk()];
  const directory = mkdtempSync(join(tmpdir(), "gantry-vm-"));
  try {
    const sources = join(directory, "sources.ext4");
    mkdirSync(directory, { recursive: true });
    await sourceDisk(REPOSITORY, sources);
    return await boot({ kernel, initrd, disks: [disk, sources], command, ...options });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Machine {
  kernel: string;
  initrd: string;
  disks: string[];
  command: string[];
  timeoutMs: number;
  memoryMib?: number;
}

async function boot(machine: Machine): Promise<VmResult> {
  const started = performance.now();
  const qemu = Bun.spawn([QEMU, ...qemuArguments(machine)], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const timer = setTimeout(() => qemu.kill("SIGKILL"), machine.timeoutMs);
  let text = "";
  let bootMs = 0;
  const decoder = new TextDecoder();
  for await (const chunk of qemu.stdout) {
    text += decoder.decode(chunk, { stream: true });
    if (bootMs === 0 && text.includes("VM-START")) bootMs = Math.round(performance.now() - started);
  }
  await qemu.exited;
  clearTimeout(timer);
  const lines = text.replaceAll("\r", "");
  const match = /VM-START\n([\s\S]*?)VM-EXIT (\d+)\n/.exec(lines);
  if (match === null)
    throw new Error(
      `the machine ended without a result (${await new Response(qemu.stderr).text()}):\n${lines.slice(-4000)}`,
    );
  return { output: match[1] ?? "", code: Number(match[2]), console: lines, bootMs };
}

function qemuArguments(machine: Machine): string[] {
  const commandLine = `console=ttyS0 quiet loglevel=3 panic=-1 apparmor=1 gantry.command=${machine.command.join(" ")}`;
  const disks = machine.disks.flatMap((file) => ["-drive", `file=${file},if=virtio,format=raw,snapshot=on`]);
  return [
    "-accel",
    "tcg,thread=multi",
    "-cpu",
    "max",
    "-smp",
    "2",
    "-m",
    String(machine.memoryMib ?? 1024),
    "-kernel",
    machine.kernel,
    "-initrd",
    machine.initrd,
    "-append",
    commandLine,
    ...disks,
    "-nographic",
    "-no-reboot",
    "-nodefaults",
    "-serial",
    "stdio",
    "-net",
    "none",
  ];
}
