/**
 * Classic BPF for seccomp, built as pieces that each end in a return, so that they can be put side by side and jumped over.
 * @see linux/filter.h, linux/seccomp.h
 */
export interface Instruction {
  code: number;
  ifTrue: number;
  ifFalse: number;
  value: number;
}

export type Piece = readonly Instruction[];

export const LOAD = 0x20;
export const AND = 0x54;
export const JUMP = 0x05;
export const JUMP_EQUAL = 0x15;
export const JUMP_GREATER = 0x25;
export const JUMP_GREATER_OR_EQUAL = 0x35;
export const RETURN = 0x06;

export const MAX_INSTRUCTIONS = 4096;
const MAX_CONDITIONAL_OFFSET = 255;

/** Offsets in struct seccomp_data. */
export const NUMBER_OFFSET = 0;
export const ARCHITECTURE_OFFSET = 4;
const ARGUMENTS_OFFSET = 16;

export function lowWordOffset(argument: number): number {
  return ARGUMENTS_OFFSET + argument * 8;
}

export function highWordOffset(argument: number): number {
  return lowWordOffset(argument) + 4;
}

export function instruction(code: number, value: number, ifTrue = 0, ifFalse = 0): Instruction {
  return { code, value, ifTrue, ifFalse };
}

export function load(offset: number): Instruction {
  return instruction(LOAD, offset);
}

export function returns(value: number): Piece {
  return [instruction(RETURN, value)];
}

/** `whenTrue` where the comparison of the accumulator with `value` holds, else `whenFalse`. Conditional jumps reach 255 only. */
export function branch(comparison: number, value: number, whenTrue: Piece, whenFalse: Piece): Piece {
  if (whenTrue.length <= MAX_CONDITIONAL_OFFSET) {
    return [instruction(comparison, value, 0, whenTrue.length), ...whenTrue, ...whenFalse];
  }
  return [instruction(comparison, value, 1, 0), instruction(JUMP, whenTrue.length), ...whenTrue, ...whenFalse];
}

/** `struct sock_filter[]`, little-endian. Throws RangeError beyond the kernel's limit. */
export function encodeFilter(program: Piece): Uint8Array {
  if (program.length > MAX_INSTRUCTIONS) {
    throw new RangeError(`seccomp filter needs ${program.length} instructions, the kernel takes ${MAX_INSTRUCTIONS}`);
  }
  const bytes = Buffer.alloc(program.length * 8);
  program.forEach(({ code, ifTrue, ifFalse, value }, index) => {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(ifTrue, index * 8 + 2);
    bytes.writeUInt8(ifFalse, index * 8 + 3);
    bytes.writeUInt32LE(value >>> 0, index * 8 + 4);
  });
  return bytes;
}
