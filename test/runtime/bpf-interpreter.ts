import {
  AND,
  JUMP,
  JUMP_EQUAL,
  JUMP_GREATER,
  JUMP_GREATER_OR_EQUAL,
  LOAD,
  RETURN,
} from "../../src/runtime/seccomp/bpf.ts";

export interface SeccompData {
  number: number;
  /** AUDIT_ARCH_* */
  architecture: number;
  /** Six registers. */
  args: readonly bigint[];
}

/** Runs a filter as the kernel would: for tests. Returns the SECCOMP_RET_* word and the instructions it took. */
export function runFilter(filter: Uint8Array, data: SeccompData): { value: number; steps: number } {
  const program = new DataView(filter.buffer, filter.byteOffset, filter.byteLength);
  const memory = encode(data);
  let accumulator = 0;
  let steps = 0;
  for (let at = 0; at < filter.length / 8; at++) {
    steps++;
    const code = program.getUint16(at * 8, true);
    const [ifTrue, ifFalse] = [program.getUint8(at * 8 + 2), program.getUint8(at * 8 + 3)];
    const value = program.getUint32(at * 8 + 4, true);
    const jump = (holds: boolean) => (holds ? ifTrue : ifFalse);
    switch (code) {
      case RETURN:
        return { value, steps };
      case LOAD:
        accumulator = memory.getUint32(value, true);
        break;
      case AND:
        accumulator = (accumulator & value) >>> 0;
        break;
      case JUMP:
        at += value;
        break;
      case JUMP_EQUAL:
        at += jump(accumulator === value);
        break;
      case JUMP_GREATER:
        at += jump(accumulator > value);
        break;
      case JUMP_GREATER_OR_EQUAL:
        at += jump(accumulator >= value);
        break;
      default:
        throw new RangeError(`instruction ${at} has code ${code}`);
    }
  }
  throw new RangeError("the filter ends without a return");
}

function encode({ number, architecture, args }: SeccompData): DataView {
  const view = new DataView(new ArrayBuffer(64));
  view.setUint32(0, number >>> 0, true);
  view.setUint32(4, architecture >>> 0, true);
  args.forEach((arg, index) => view.setBigUint64(16 + index * 8, arg, true));
  return view;
}
