import { describe, expect, test } from "bun:test";
import { runFilter } from "../../../test/runtime/bpf-interpreter.ts";
import { capabilityBits, DEFAULT_CAPABILITIES } from "../capabilities.ts";
import { actionValue } from "./actions.ts";
import { type ArgumentTest, readProfile, type SeccompProfile } from "./profile.ts";
import { builtinProfile, seccompFilter } from "./seccomp-filter.ts";
import syscalls from "./syscalls.json";

const ALLOW = "allow";
const AUDIT = { amd64: 0xc000003e, x32: 0xc000003e, x86: 0x40000003, arm64: 0xc00000b7, arm: 0x40000028 } as const;
type Architecture = keyof typeof AUDIT;

const defaults = capabilityBits(DEFAULT_CAPABILITIES);

function answer(value: number): string {
  if (value === 0x7fff0000) return ALLOW;
  if (value >>> 16 === 5) return `errno ${value & 0xffff}`;
  return value === 0 ? "kill" : value.toString(16);
}

interface Request {
  profile?: unknown;
  architecture?: Architecture;
  capabilities?: bigint;
  kernel?: { major: number; minor: number };
  native?: "amd64" | "arm64";
}

function compiled({ profile, capabilities, kernel, native }: Request): Uint8Array {
  return seccompFilter(profile === undefined ? undefined : JSON.stringify(profile), {
    capabilities: capabilities ?? defaults,
    host: { architecture: native ?? "amd64", kernel: { ...(kernel ?? { major: 6, minor: 1 }), release: "" } },
  }).filter;
}

function ask(name: string, args: bigint[] = [], request: Request = {}): string {
  const architecture = request.architecture ?? "amd64";
  const number = (syscalls[architecture] as Record<string, number>)[name];
  if (number === undefined) throw new Error(`${architecture} has no ${name}`);
  return answer(runFilter(compiled(request), { number, architecture: AUDIT[architecture], args }).value);
}

describe("the default profile", () => {
  test("attack 13: clone3 is unknown, new namespaces and dangerous calls are refused", () => {
    expect(ask("clone3")).toBe("errno 38");
    expect(ask("clone", [0x11n])).toBe(ALLOW);
    expect(ask("clone", [0x003d0f00n])).toBe(ALLOW);
    for (const flag of [0x10000000n, 0x20000n, 0x40000000n, 0x02000000n, 0x04000000n, 0x08000000n, 0x20000000n]) {
      expect(ask("clone", [flag | 0x11n])).toBe("errno 1");
    }
    const refused =
      "keyctl add_key request_key bpf perf_event_open io_uring_setup io_uring_enter userfaultfd mount unshare setns " +
      "open_by_handle_at kexec_load init_module ptrace_nothing swapon reboot acct quotactl nfsservctl vhangup iopl";
    for (const name of refused.split(" "))
      if (name in syscalls.amd64) expect(`${name} ${ask(name)}`).toBe(`${name} errno 1`);
  });

  test("attack 12: AF_ALG and AF_VSOCK sockets are refused on every architecture, whatever the upper half says", () => {
    for (const architecture of ["amd64", "x32", "x86"] as const) {
      const socket = (family: bigint) => ask("socket", [family, 1n, 0n], { architecture });
      expect([1n, 2n, 10n, 16n, 17n, 37n, 39n, 41n, 45n].map(socket)).toEqual(Array(9).fill(ALLOW));
      expect(socket(38n)).toBe("errno 1");
      expect(socket(40n)).toBe("errno 1");
      expect(socket((1n << 32n) | 38n)).toBe("errno 1");
      expect(socket((0xffffffffn << 32n) | 40n)).toBe("errno 1");
    }
  });

  test("personality takes five values", () => {
    for (const value of [0n, 8n, 0x20000n, 0x20008n, 0xffffffffn]) expect(ask("personality", [value])).toBe(ALLOW);
    for (const value of [1n, 0x40000n, 0x400000n, 0xfffffffen]) expect(ask("personality", [value])).toBe("errno 1");
  });

  test("capabilities open what they stand for", () => {
    const admin = { capabilities: defaults | capabilityBits(["CAP_SYS_ADMIN"]) };
    for (const name of ["mount", "clone3", "unshare", "bpf", "setns", "syslog"])
      expect(ask(name, [], admin)).toBe(ALLOW);
    expect(ask("clone", [0x10000000n], admin)).toBe(ALLOW);
    expect(ask("chroot")).toBe(ALLOW);
    expect(ask("chroot", [], { capabilities: 0n })).toBe("errno 1");
    expect(ask("open_by_handle_at", [], { capabilities: capabilityBits(["CAP_DAC_READ_SEARCH"]) })).toBe(ALLOW);
    expect(ask("bpf", [], { capabilities: capabilityBits(["CAP_BPF"]) })).toBe(ALLOW);
  });

  test("ptrace depends on the kernel's version", () => {
    expect(ask("ptrace")).toBe(ALLOW);
    expect(ask("ptrace", [], { kernel: { major: 4, minor: 7 } })).toBe("errno 1");
    expect(ask("ptrace", [], { kernel: { major: 4, minor: 8 } })).toBe(ALLOW);
  });

  test("a foreign architecture is killed, a skipped call gets the default", () => {
    const filter = compiled({});
    expect(answer(runFilter(filter, { number: 0, architecture: AUDIT.arm64, args: [] }).value)).toBe("kill");
    expect(answer(runFilter(filter, { number: 0xffffffff, architecture: AUDIT.amd64, args: [] }).value)).toBe(
      "errno 1",
    );
    expect(ask("openat", [], { native: "arm64", architecture: "arm64" })).toBe(ALLOW);
    expect(ask("set_tls", [], { native: "arm64", architecture: "arm" })).toBe(ALLOW);
  });

  test("hot calls cost few instructions", () => {
    for (const name of ["read", "write", "futex", "openat", "clock_gettime", "epoll_wait"] as const) {
      const { steps } = runFilter(compiled({}), { number: syscalls.amd64[name], architecture: AUDIT.amd64, args: [] });
      expect(steps).toBeLessThanOrEqual(14);
    }
  });
});

/** The profile's meaning, read directly: what the compiler must agree with. */
function meaning(profile: SeccompProfile, name: string | undefined, args: bigint[], held: string[]): string {
  const fallback = answer(actionValue(profile.defaultAction, profile.defaultErrnoRet));
  if (name === undefined) return fallback;
  const groups = profile.syscalls.filter(
    ({ names, includes, excludes }) =>
      names.includes(name) &&
      includes.caps.every((cap) => held.includes(cap)) &&
      !excludes.caps.some((cap) => held.includes(cap)) &&
      (includes.arches.length === 0 || includes.arches.includes("amd64")) &&
      !excludes.arches.includes("amd64"),
  );
  const chosen =
    groups.find((group) => group.args.length === 0) ??
    groups.find((group) => group.args.every((t) => holds(name, t, args)));
  return chosen === undefined ? fallback : answer(actionValue(chosen.action, chosen.errnoRet));
}

function holds(name: string, { index, op, value, valueTwo }: ArgumentTest, args: bigint[]): boolean {
  const given = name === "clone" ? (args[index] ?? 0n) : (args[index] ?? 0n) & 0xffffffffn;
  switch (op) {
    case "EQ":
      return given === value;
    case "NE":
      return given !== value;
    case "LT":
      return given < value;
    case "LE":
      return given <= value;
    case "GT":
      return given > value;
    case "GE":
      return given >= value;
    case "MASKED_EQ":
      return (given & value) === valueTwo;
  }
}

test("attack 12: the filter means what the profile says, for every number of every architecture", () => {
  const profile = builtinProfile();
  const samples = [
    0n,
    1n,
    8n,
    37n,
    38n,
    39n,
    40n,
    41n,
    0x11n,
    0x20008n,
    0x10000000n,
    0x7e020000n,
    0xffffffffn,
    1n << 32n,
    ~0n & ((1n << 64n) - 1n),
  ];
  for (const caps of [
    DEFAULT_CAPABILITIES,
    [],
    [...DEFAULT_CAPABILITIES, "CAP_SYS_ADMIN"],
    ["CAP_SYS_PTRACE", "CAP_BPF"],
  ]) {
    const filter = compiled({ capabilities: capabilityBits(caps) });
    for (const architecture of ["amd64", "x86", "x32"] as const) {
      const names = new Map(Object.entries(syscalls[architecture]).map(([name, number]) => [number, name]));
      const base = architecture === "x32" ? 0x40000000 : 0;
      for (let number = base; number < base + 600; number++) {
        const name = names.get(number);
        const isTested = profile.syscalls.some((group) => group.args.length > 0 && group.names.includes(name ?? ""));
        for (const sample of isTested ? samples : [0n]) {
          const args = [sample, sample, 0n, 0n, 0n, 0n];
          const got = answer(runFilter(filter, { number, architecture: AUDIT[architecture], args }).value);
          const expected = meaning(profile, name, args, [...caps]);
          if (got !== expected) expect(`${architecture} ${name} ${sample}: ${got}`).toBe(expected);
        }
      }
    }
  }
});

describe("custom profiles", () => {
  const custom = (syscall: object, rest: object = {}) => ({
    profile: { defaultAction: "SCMP_ACT_ERRNO", architectures: ["SCMP_ARCH_X86_64"], ...rest, syscalls: [syscall] },
  });

  test("every operator compares 64 bits", () => {
    const edges = [
      0n,
      1n,
      4n,
      5n,
      6n,
      0xffffffffn,
      0x100000004n,
      0x100000005n,
      0x100000006n,
      0x200000005n,
      (1n << 64n) - 1n,
    ];
    for (const op of ["EQ", "NE", "LT", "LE", "GT", "GE"] as const) {
      for (const value of [0n, 5n, 0xffffffffn, 0x100000005n]) {
        const rule = {
          names: ["ioctl"],
          action: "SCMP_ACT_ALLOW",
          args: [{ index: 1, op: `SCMP_CMP_${op}`, value: Number(value) }],
        };
        for (const edge of edges) {
          const expected = holds("clone", { index: 0, op, value, valueTwo: 0n }, [edge]) ? ALLOW : "errno 1";
          expect(`${edge} ${op} ${value}: ${ask("ioctl", [0n, edge], custom(rule))}`).toBe(
            `${edge} ${op} ${value}: ${expected}`,
          );
        }
      }
    }
  });

  test("a mask may cover both halves", () => {
    const args = [{ index: 0, op: "SCMP_CMP_MASKED_EQ", value: 0xf0000000f0, valueTwo: 0x1000000010 }];
    const request = custom({ names: ["close"], action: "SCMP_ACT_ALLOW", args });
    expect(ask("close", [0x1f0000001fn], request)).toBe(ALLOW);
    expect(ask("close", [0x2f0000001fn], request)).toBe("errno 1");
    expect(ask("close", [0x1f0000002fn], request)).toBe("errno 1");
  });

  test("tests of two arguments must both hold, two tests of one argument are alternatives", () => {
    const of = (a: number, b: number) => [
      { index: a, op: "SCMP_CMP_EQ", value: 1 },
      { index: b, op: "SCMP_CMP_EQ", value: 2 },
    ];
    const both = custom({ names: ["dup2"], action: "SCMP_ACT_ALLOW", args: of(0, 1) });
    expect([ask("dup2", [1n, 2n], both), ask("dup2", [1n, 1n], both)]).toEqual([ALLOW, "errno 1"]);
    const either = custom({ names: ["dup2"], action: "SCMP_ACT_ALLOW", args: of(0, 0) });
    expect([1n, 2n, 3n].map((value) => ask("dup2", [value], either))).toEqual([ALLOW, ALLOW, "errno 1"]);
  });

  test("actions, error numbers and the default's error number are carried", () => {
    const allowAll = { defaultAction: "SCMP_ACT_ALLOW" };
    expect(ask("mkdir", [], custom({ name: "mkdir", action: "SCMP_ACT_ERRNO", errnoRet: 13 }, allowAll))).toBe(
      "errno 13",
    );
    expect(ask("mkdir", [], custom({ names: ["mkdir"], action: "SCMP_ACT_KILL_PROCESS" }, allowAll))).toBe("80000000");
    expect(ask("mkdir", [], custom({ names: ["mkdir"], action: "SCMP_ACT_TRAP" }, allowAll))).toBe("30000");
    expect(ask("mkdir", [], custom({ names: ["mkdir"], action: "SCMP_ACT_LOG" }, allowAll))).toBe("7ffc0000");
    expect(ask("mkdir", [], custom({ names: ["nope"], action: "SCMP_ACT_LOG" }, { defaultErrnoRet: 38 }))).toBe(
      "errno 38",
    );
    expect(ask("read", [], { ...custom({ names: [], action: "SCMP_ACT_LOG" }), architecture: "x32" })).toBe("kill");
  });

  test("very many rules still fit their jumps, too many are refused", () => {
    const rules = (count: number) => ({
      profile: {
        defaultAction: "SCMP_ACT_ERRNO",
        syscalls: Array.from({ length: count }, (_, value) => ({
          names: ["ioctl"],
          action: "SCMP_ACT_ALLOW",
          args: [{ index: 1, op: "SCMP_CMP_EQ", value: value * 2 }],
        })),
      },
    });
    expect([0n, 998n, 999n].map((value) => ask("ioctl", [0n, value], rules(500)))).toEqual([ALLOW, ALLOW, "errno 1"]);
    expect(ask("read", [], rules(500))).toBe("errno 1");
    expect(() => compiled(rules(2000))).toThrow("instructions, the kernel takes 4096");
  });

  test("bad profiles are refused in words", () => {
    const bad = (text: string) => () =>
      seccompFilter(text, {
        capabilities: 0n,
        host: { architecture: "amd64", kernel: { major: 6, minor: 1, release: "" } },
      });
    expect(bad("{")).toThrow("Decoding seccomp profile failed:");
    expect(bad("[]")).toThrow("Decoding seccomp profile failed:");
    expect(bad('{"defaultAction":"SCMP_ACT_NOTIFY"}')).toThrow("needs a listener");
    expect(bad('{"defaultAction":"x"}')).toThrow('seccomp action "x" is not known');
    expect(bad('{"defaultAction":"SCMP_ACT_ALLOW","architectures":["a"],"archMap":[{"architecture":"b"}]}')).toThrow(
      "both 'architectures' and 'archMap'",
    );
    expect(bad('{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"a","names":["b"],"action":"x"}]}')).toThrow(
      "'name' and 'names'",
    );
    expect(
      bad(
        `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a"],"action":"SCMP_ACT_ALLOW","args":[{"index":6,"op":"SCMP_CMP_EQ"}]}]}`,
      ),
    ).toThrow("argument index");
    expect(readProfile({ defaultAction: "SCMP_ACT_ALLOW", syscalls: null }).syscalls).toEqual([]);
  });

  test("values beyond 2^53 are exact", () => {
    const text =
      '{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["close"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":18446744073709551615,"op":"SCMP_CMP_EQ"}]}]}';
    const { filter } = seccompFilter(text, {
      capabilities: 0n,
      host: { architecture: "amd64", kernel: { major: 6, minor: 1, release: "" } },
    });
    const close = (arg: bigint) =>
      answer(runFilter(filter, { number: 3, architecture: AUDIT.amd64, args: [arg] }).value);
    expect([close((1n << 64n) - 1n), close((1n << 64n) - 2n)]).toEqual([ALLOW, "errno 1"]);
  });
});
