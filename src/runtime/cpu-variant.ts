/** What each microarchitecture level of x86-64 adds, as /proc/cpuinfo names it. @see x86-64 psABI "Micro-Architecture Levels" */
const LEVELS: [string, string[]][] = [
  ["v2", ["cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"]],
  ["v3", ["avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"]],
  ["v4", ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"]],
];

/** The variant of amd64 that the first CPU has; undefined: the first level, which has no name. Pure. */
export function amd64Variant(cpuInfo: string): string | undefined {
  const flags = new Set(/^flags\s*:\s*(.*)$/m.exec(cpuInfo)?.[1]?.split(" "));
  let reached: string | undefined;
  for (const [name, needed] of LEVELS) {
    if (!needed.every((flag) => flags.has(flag))) break;
    reached = name;
  }
  return reached;
}
