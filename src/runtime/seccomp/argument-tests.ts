import {
  AND,
  highWordOffset,
  type Instruction,
  instruction,
  JUMP_EQUAL,
  JUMP_GREATER,
  JUMP_GREATER_OR_EQUAL,
  load,
  lowWordOffset,
  type Piece,
  RETURN,
} from "./bpf.ts";
import type { WordTest } from "./rules.ts";

/** Where a jump goes: on, past this test as held, or past the whole rule as failed. */
type Target = "next" | "held" | "failed";
type Step = { plain: Instruction } | { jump: number; value: number; ifTrue: Target; ifFalse: Target };

/** One rule: returns `value` where all tests hold, else goes on behind its last instruction. */
export function ruleInstructions(tests: readonly WordTest[], value: number): Piece {
  const blocks = tests.map(testSteps);
  const length = blocks.reduce((sum, block) => sum + block.length, 0) + 1;
  const result: Instruction[] = [];
  for (const block of blocks) {
    const end = result.length + block.length;
    for (const step of block) {
      if ("plain" in step) {
        result.push(step.plain);
        continue;
      }
      const here = result.length + 1;
      const offsets = { next: 0, held: end - here, failed: length - here };
      result.push(instruction(step.jump, step.value, offsets[step.ifTrue], offsets[step.ifFalse]));
    }
  }
  result.push(instruction(RETURN, value));
  return result;
}

function testSteps(test: WordTest): Step[] {
  const high = Number(test.value >> 32n);
  const low = Number(test.value & 0xffff_ffffn);
  const upper = load(highWordOffset(test.index));
  const lower = load(lowWordOffset(test.index));
  switch (test.op) {
    case "EQ":
      return equality(test, "failed");
    case "NE":
      return equality(test, "held");
    case "GT":
      return order(upper, lower, high, low, JUMP_GREATER, true, test.lowWordOnly);
    case "GE":
      return order(upper, lower, high, low, JUMP_GREATER_OR_EQUAL, true, test.lowWordOnly);
    case "LE":
      return order(upper, lower, high, low, JUMP_GREATER, false, test.lowWordOnly);
    case "LT":
      return order(upper, lower, high, low, JUMP_GREATER_OR_EQUAL, false, test.lowWordOnly);
    case "MASKED_EQ":
      return masked(test);
  }
}

/** EQ where a difference fails, NE where a difference is what is wanted. */
function equality({ index, value, lowWordOnly }: WordTest, onDifference: "failed" | "held"): Step[] {
  const onSame: Target = onDifference === "failed" ? "held" : "failed";
  const high = Number(value >> 32n);
  const low = Number(value & 0xffff_ffffn);
  const lower: Step[] = [
    { plain: load(lowWordOffset(index)) },
    { jump: JUMP_EQUAL, value: low, ifTrue: onSame, ifFalse: onDifference },
  ];
  if (lowWordOnly) return lower;
  return [
    { plain: load(highWordOffset(index)) },
    { jump: JUMP_EQUAL, value: high, ifTrue: "next", ifFalse: onDifference },
    ...lower,
  ];
}

/** `argument comparison value` over two words; `wanted` false turns it round (LE is not GT). */
function order(
  upper: Instruction,
  lower: Instruction,
  high: number,
  low: number,
  comparison: number,
  wanted: boolean,
  lowWordOnly = false,
): Step[] {
  const yes: Target = wanted ? "held" : "failed";
  const no: Target = wanted ? "failed" : "held";
  const lowerSteps: Step[] = [{ plain: lower }, { jump: comparison, value: low, ifTrue: yes, ifFalse: no }];
  if (lowWordOnly) return lowerSteps;
  return [
    { plain: upper },
    { jump: JUMP_GREATER, value: high, ifTrue: yes, ifFalse: "next" },
    { jump: JUMP_EQUAL, value: high, ifTrue: "next", ifFalse: no },
    ...lowerSteps,
  ];
}

/** (argument & value) == valueTwo, word by word; a word without mask and value need not be looked at. */
function masked({ index, value: mask, valueTwo, lowWordOnly }: WordTest): Step[] {
  const word = (offset: number, maskWord: bigint, wanted: bigint, onSame: Target): Step[] => [
    { plain: load(offset) },
    { plain: instruction(AND, Number(maskWord)) },
    { jump: JUMP_EQUAL, value: Number(wanted), ifTrue: onSame, ifFalse: "failed" },
  ];
  const lower = word(lowWordOffset(index), mask & 0xffff_ffffn, valueTwo & 0xffff_ffffn, "held");
  if (lowWordOnly || (mask >> 32n === 0n && valueTwo >> 32n === 0n)) return lower;
  return [...word(highWordOffset(index), mask >> 32n, valueTwo >> 32n, "next"), ...lower];
}
