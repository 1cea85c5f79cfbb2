import { invalid } from "../../base/errors.ts";
import type { HostFacts } from "../plan/plan-input.ts";
import { encodeFilter } from "./bpf.ts";
import { compileFilter } from "./compile-filter.ts";
import defaultProfile from "./default-profile.json";
import { parseProfile, readProfile, type SeccompProfile } from "./profile.ts";
import { resolveProfile } from "./rules.ts";

export interface SeccompFilter {
  /** `struct sock_filter[]` */
  filter: Uint8Array;
  /** SECCOMP_FILTER_FLAG_* */
  flags: number;
}

const FLAGS: Record<string, number> = {
  SECCOMP_FILTER_FLAG_TSYNC: 0,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
};
/** runc's default: speculation is left to the kernel's own setting. */
const DEFAULT_FLAGS = ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"];

const MAX_CACHED = 64;
const cache = new Map<string, SeccompFilter>();

/**
 * The compiled profile; `profile` undefined is Docker's default. The last 64 are remembered: compiling takes some
 * milliseconds, and nearly all containers share one filter. Throws invalid-argument for a bad profile.
 */
export function seccompFilter(
  profile: string | undefined,
  { capabilities, host }: { capabilities: bigint; host: Pick<HostFacts, "architecture" | "kernel"> },
): SeccompFilter {
  const { major, minor } = host.kernel;
  const key = `${host.architecture} ${major}.${minor} ${capabilities} ${profile ?? ""}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  const parsed = profile === undefined ? builtinProfile() : parseProfile(profile);
  const resolved = resolveProfile(parsed, { native: host.architecture, kernel: { major, minor }, capabilities });
  const made = { filter: encode(resolved), flags: flagsOf(parsed) };
  const [oldest] = cache.keys();
  if (cache.size >= MAX_CACHED && oldest !== undefined) cache.delete(oldest);
  cache.set(key, made);
  return made;
}

export function builtinProfile(): SeccompProfile {
  return readProfile(defaultProfile);
}

function encode(resolved: Parameters<typeof compileFilter>[0]): Uint8Array {
  try {
    return encodeFilter(compileFilter(resolved));
  } catch (error) {
    if (error instanceof RangeError) throw invalid(error.message, { cause: error });
    throw error;
  }
}

function flagsOf({ flags = DEFAULT_FLAGS }: SeccompProfile): number {
  return flags.reduce((bits, name) => {
    const flag = FLAGS[name];
    if (flag === undefined) throw invalid(`unknown seccomp flag: ${JSON.stringify(name)}`);
    return bits | flag;
  }, 0);
}
