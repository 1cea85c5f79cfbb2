import { capabilityNames } from "../capabilities.ts";
import { actionValue } from "./actions.ts";
import type { ArgumentTest, Conditions, SeccompProfile, SyscallGroup } from "./profile.ts";
import syscalls from "./syscalls.json";

/** The kernel's name of a calling convention, and whose numbers it uses. */
export type Architecture = keyof typeof syscalls;

/** What decides which parts of a profile apply. */
export interface FilterTarget {
  native: "amd64" | "arm64";
  kernel: { major: number; minor: number };
  /** Bits of the capabilities that the container gets. */
  capabilities: bigint;
}

/** What happens to one call: always the same, or the first rule whose tests all hold, else the default. */
export type Decision = { always: number } | { rules: { tests: ArgumentTest[]; value: number }[] };

export interface ResolvedProfile {
  defaultValue: number;
  /** Decisions by call number, for each architecture that the profile covers. */
  architectures: Map<Architecture, Map<number, Decision>>;
}

const ARCHITECTURES: Record<string, Architecture> = {
  SCMP_ARCH_X86_64: "amd64",
  SCMP_ARCH_X86: "x86",
  SCMP_ARCH_X32: "x32",
  SCMP_ARCH_AARCH64: "arm64",
  SCMP_ARCH_ARM: "arm",
};

/** The part of a profile that applies here, by number. Names that an architecture lacks are passed over, as libseccomp does. */
export function resolveProfile(profile: SeccompProfile, target: FilterTarget): ResolvedProfile {
  const defaultValue = actionValue(profile.defaultAction, profile.defaultErrnoRet);
  const groups = profile.syscalls.filter((group) => applies(group, target));
  const architectures = new Map<Architecture, Map<number, Decision>>();
  for (const architecture of coveredArchitectures(profile, target.native)) {
    architectures.set(architecture, decisions(groups, syscalls[architecture], defaultValue));
  }
  return { defaultValue, architectures };
}

function coveredArchitectures(profile: SeccompProfile, native: FilterTarget["native"]): Set<Architecture> {
  const entry = profile.archMap?.find(({ architecture }) => ARCHITECTURES[architecture] === native);
  const named = entry ? [entry.architecture, ...(entry.subArchitectures ?? [])] : (profile.architectures ?? []);
  const known = named.flatMap((name) => ARCHITECTURES[name] ?? []);
  return new Set(known.length === 0 ? [native] : known);
}

function applies({ includes, excludes }: SyscallGroup, target: FilterTarget): boolean {
  const held = new Set(capabilityNames(target.capabilities));
  if (excludes.arches.includes(target.native) || excludes.caps.some((name) => held.has(name))) return false;
  if (excludes.minKernel !== undefined && isAtLeast(target.kernel, excludes.minKernel)) return false;
  if (includes.arches.length > 0 && !includes.arches.includes(target.native)) return false;
  if (includes.minKernel !== undefined && !isAtLeast(target.kernel, includes.minKernel)) return false;
  return includes.caps.every((name) => held.has(name));
}

function isAtLeast(kernel: FilterTarget["kernel"], least: NonNullable<Conditions["minKernel"]>): boolean {
  return kernel.major > least.major || (kernel.major === least.major && kernel.minor >= least.minor);
}

/** A rule without tests beats those with tests, and of two such the first counts. */
function decisions(
  groups: readonly SyscallGroup[],
  numbers: Readonly<Record<string, number>>,
  defaultValue: number,
): Map<number, Decision> {
  const result = new Map<number, Decision>();
  for (const group of groups) {
    const value = actionValue(group.action, group.errnoRet);
    if (value === defaultValue) continue;
    for (const name of group.names) {
      const number = Object.hasOwn(numbers, name) ? numbers[name] : undefined;
      if (number === undefined) continue;
      const before = result.get(number);
      if (group.args.length === 0) {
        if (before === undefined || "rules" in before) result.set(number, { always: value });
      } else if (before === undefined || "rules" in before) {
        const rules = alternatives(name, group.args).map((tests) => ({ tests, value }));
        result.set(number, { rules: [...(before?.rules ?? []), ...rules] });
      }
    }
  }
  return result;
}

/** Tests of different arguments must all hold; as soon as two are of the same one, each stands alone. @see runc `matchCall` */
function alternatives(name: string, args: ArgumentTest[]): ArgumentTest[][] {
  const tests = args.map((test) => asKernelSees(name, test));
  const isUnique = new Set(tests.map(({ index }) => index)).size === tests.length;
  return isUnique ? [tests] : tests.map((test) => [test]);
}

/**
 * These take an `int`: the kernel drops the upper half of the register, so a filter must not look at it either. Else
 * socket(2^32 + AF_ALG) is "greater than 40" for the filter and AF_ALG for the kernel.
 */
const INT_ARGUMENTS: Record<string, readonly number[]> = { socket: [0, 1, 2], socketpair: [0, 1, 2], personality: [0] };

export interface WordTest extends ArgumentTest {
  lowWordOnly?: boolean;
}

function asKernelSees(name: string, test: ArgumentTest): WordTest {
  return INT_ARGUMENTS[name]?.includes(test.index) ? { ...test, lowWordOnly: true } : test;
}
