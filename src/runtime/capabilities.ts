import { EngineError, invalid } from "../base/errors.ts";

/** Capabilities by number, without the CAP_ prefix. @see capabilities(7), linux/capability.h */
const NAMES =
  "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE " +
  "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN " +
  "SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE " +
  "MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE";

export const CAPABILITY_NAMES: readonly string[] = NAMES.split(" ").map((name) => `CAP_${name}`);

/** What a container gets when nothing is asked for: Docker's fourteen. */
export const DEFAULT_CAPABILITIES: readonly string[] = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FSETID",
  "CAP_FOWNER",
  "CAP_MKNOD",
  "CAP_NET_RAW",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETFCAP",
  "CAP_SETPCAP",
  "CAP_NET_BIND_SERVICE",
  "CAP_SYS_CHROOT",
  "CAP_KILL",
  "CAP_AUDIT_WRITE",
];

const ALL = "ALL";

export interface CapabilityRequest {
  privileged: boolean;
  capAdd: readonly string[];
  capDrop: readonly string[];
}

/** Upper case with prefix, as Docker stores and shows them; `ALL` stays. Throws invalid-argument for an unknown name. */
export function normalizeCapabilities(names: readonly string[], field: "CapAdd" | "CapDrop"): string[] {
  return names.map((given) => {
    const upper = given.trim().toUpperCase();
    if (upper === ALL) return ALL;
    const name = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
    if (!CAPABILITY_NAMES.includes(name)) throw invalid(`invalid ${field}: unknown capability: "${name}"`);
    return name;
  });
}

/**
 * The set a container runs with, as bits, within what the daemon itself may give (`bounding`). Docker's rule: `--cap-add ALL`
 * beats `--cap-drop ALL`; with `--cap-drop ALL` only what is added is left. Capabilities that the daemon lacks are in `missing`,
 * by name, when they were asked for.
 */
export function resolveCapabilities(
  request: CapabilityRequest,
  bounding: bigint,
): { granted: bigint; missing: string[] } {
  if (request.privileged) return { granted: bounding, missing: [] };
  const add = normalizeCapabilities(request.capAdd, "CapAdd");
  const drop = normalizeCapabilities(request.capDrop, "CapDrop");
  let wanted: bigint;
  if (add.includes(ALL)) wanted = bounding & ~capabilityBits(drop.filter((name) => name !== ALL));
  else if (drop.includes(ALL)) wanted = capabilityBits(add);
  else wanted = (capabilityBits(DEFAULT_CAPABILITIES) & ~capabilityBits(drop)) | capabilityBits(add);
  return { granted: wanted & bounding, missing: capabilityNames(capabilityBits(add) & wanted & ~bounding) };
}

export function capabilityBits(names: Iterable<string>): bigint {
  let bits = 0n;
  for (const name of names) {
    if (name === ALL) continue;
    const number = CAPABILITY_NAMES.indexOf(name);
    if (number < 0) throw new EngineError("internal", `capability ${name} has no number`);
    bits |= 1n << BigInt(number);
  }
  return bits;
}

export function capabilityNames(bits: bigint): string[] {
  return CAPABILITY_NAMES.filter((_, number) => (bits >> BigInt(number)) & 1n);
}
