import { invalid } from "../../base/errors.ts";
import { formatPlatform, type Platform, platformServes } from "../../formats/oci/platform.ts";

/** e_machine, ELF class (1: 32 bit, 2: 64 bit) and byte order (1: little, 2: big). @see System V ABI "ELF header"; elf.h */
const MACHINES: Record<string, [machine: number, elfClass: number, byteOrder: number]> = {
  "386": [3, 1, 1],
  amd64: [62, 2, 1],
  arm: [40, 1, 1],
  arm64: [183, 2, 1],
  loong64: [258, 2, 1],
  mips: [8, 1, 2],
  mipsle: [8, 1, 1],
  mips64: [8, 2, 2],
  mips64le: [8, 2, 1],
  ppc64: [21, 2, 2],
  ppc64le: [21, 2, 1],
  riscv64: [243, 2, 1],
  s390x: [22, 2, 2],
};

const ELF_HEADER_BYTES = 64;
const [EXECUTABLE, SHARED] = [2, 3];

/**
 * Throws invalid-argument where neither this machine nor a handler of the kernel (binfmt_misc) runs programs of the platform.
 * `handlers`: the texts of /proc/sys/fs/binfmt_misc; asked only where the machine cannot.
 */
export function requireRunnable(platform: Platform, host: Platform, handlers: () => string[]): void {
  if (platform.os !== "" && platform.os !== "linux") {
    throw invalid(`programs for ${formatPlatform(platform)} do not run on ${formatPlatform(host)}`);
  }
  const { architecture } = platform;
  if (architecture === "" || architecture === host.architecture) return;
  if (platformServes(host, { os: "linux", architecture }) || handlers().some((text) => runs(text, architecture)))
    return;
  throw invalid(
    `exec format error: ${formatPlatform(host)} does not run programs for ${formatPlatform(platform)}, and the kernel has no handler for them: register one with binfmt_misc (qemu-user-static)`,
  );
}

/** Whether an enabled handler takes the architecture's programs: by its magic and mask, whatever it is called. */
function runs(handler: string, architecture: string): boolean {
  const lines = handler.split("\n").map((line) => line.trim());
  const value = (key: string) => lines.find((line) => line.startsWith(`${key} `))?.slice(key.length + 1) ?? "";
  const magic = Buffer.from(value("magic"), "hex");
  if (lines[0] !== "enabled" || magic.length === 0) return false;
  const mask = Buffer.from(value("mask"), "hex");
  const offset = Number(value("offset") || 0);
  return [EXECUTABLE, SHARED].some((type) => {
    const header = elfHeader(architecture, type);
    return header !== undefined && magic.every((byte, at) => matches(header[offset + at], byte, mask[at]));
  });
}

function matches(found: number | undefined, wanted: number, mask = 0xff): boolean {
  return found !== undefined && (found & mask) === (wanted & mask);
}

function elfHeader(architecture: string, type: number): Buffer | undefined {
  const known = MACHINES[architecture];
  if (known === undefined) return undefined;
  const [machine, elfClass, byteOrder] = known;
  const header = Buffer.alloc(ELF_HEADER_BYTES);
  header.set([0x7f, 0x45, 0x4c, 0x46, elfClass, byteOrder, 1]);
  for (const [at, number] of [
    [16, type],
    [18, machine],
  ] as const) {
    if (byteOrder === 1) header.writeUInt16LE(number, at);
    else header.writeUInt16BE(number, at);
  }
  return header;
}
