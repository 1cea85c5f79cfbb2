import type { DeviceRule } from "./device-rules.ts";

/** struct bpf_cgroup_dev_ctx { u32 access_type; u32 major; u32 minor; } with access in the high half of access_type. */
const KINDS = { b: 1, c: 2, a: 0 } as const;
const ACCESS: Record<string, number> = { m: 1, r: 2, w: 4 };
const FULL_ACCESS = 7;

const LOAD_WORD = 0x61;
const AND32 = 0x54;
const RSH32 = 0x74;
const MOVE_REGISTER = 0xbf;
const MOVE_CONSTANT = 0xb7;
const JUMP_NOT_EQUAL = 0x55;
const JUMP_NOT_EQUAL_REGISTER = 0x5d;
const EXIT = 0x95;

const [RESULT, CONTEXT, KIND, ASKED, MAJOR, MINOR, SCRATCH] = [0, 1, 2, 3, 4, 5, 6];

interface Instruction {
  code: number;
  to?: number;
  from?: number;
  offset?: number;
  constant?: number;
}

/** An eBPF program of type CGROUP_DEVICE that returns 1 for what one of the rules allows, else 0. Raw `struct bpf_insn[]`. */
export function deviceProgram(rules: readonly DeviceRule[]): Uint8Array {
  const program: Instruction[] = [
    { code: LOAD_WORD, to: KIND, from: CONTEXT, offset: 0 },
    { code: MOVE_REGISTER, to: ASKED, from: KIND },
    { code: RSH32, to: ASKED, constant: 16 },
    { code: AND32, to: KIND, constant: 0xffff },
    { code: LOAD_WORD, to: MAJOR, from: CONTEXT, offset: 4 },
    { code: LOAD_WORD, to: MINOR, from: CONTEXT, offset: 8 },
  ];
  for (const rule of rules) program.push(...ruleInstructions(rule));
  program.push({ code: MOVE_CONSTANT, to: RESULT, constant: 0 }, { code: EXIT });
  return encode(program);
}

/** Tests that jump past the end of the rule where they fail, then "return 1". */
function ruleInstructions({ kind, major, minor, access }: DeviceRule): Instruction[] {
  const tests: Instruction[] = [];
  if (kind !== "a") tests.push({ code: JUMP_NOT_EQUAL, to: KIND, constant: KINDS[kind] });
  const allowed = access.split("").reduce((bits, letter) => bits | (ACCESS[letter] ?? 0), 0);
  if (allowed !== FULL_ACCESS) {
    tests.push({ code: MOVE_REGISTER, to: SCRATCH, from: ASKED });
    tests.push({ code: AND32, to: SCRATCH, constant: allowed });
    tests.push({ code: JUMP_NOT_EQUAL_REGISTER, to: SCRATCH, from: ASKED });
  }
  if (major !== "*") tests.push({ code: JUMP_NOT_EQUAL, to: MAJOR, constant: major });
  if (minor !== "*") tests.push({ code: JUMP_NOT_EQUAL, to: MINOR, constant: minor });
  const body = [...tests, { code: MOVE_CONSTANT, to: RESULT, constant: 1 }, { code: EXIT }];
  return body.map((instruction, index) =>
    instruction.code === JUMP_NOT_EQUAL || instruction.code === JUMP_NOT_EQUAL_REGISTER
      ? { ...instruction, offset: body.length - index - 1 }
      : instruction,
  );
}

function encode(program: readonly Instruction[]): Uint8Array {
  const bytes = Buffer.alloc(program.length * 8);
  program.forEach(({ code, to = 0, from = 0, offset = 0, constant = 0 }, index) => {
    bytes.writeUInt8(code, index * 8);
    bytes.writeUInt8(to | (from << 4), index * 8 + 1);
    bytes.writeInt16LE(offset, index * 8 + 2);
    bytes.writeInt32LE(constant | 0, index * 8 + 4);
  });
  return bytes;
}
