import { KILL_THREAD } from "./actions.ts";
import { ruleInstructions } from "./argument-tests.ts";
import {
  ARCHITECTURE_OFFSET,
  branch,
  JUMP_EQUAL,
  JUMP_GREATER_OR_EQUAL,
  load,
  NUMBER_OFFSET,
  type Piece,
  returns,
} from "./bpf.ts";
import type { Architecture, Decision, ResolvedProfile } from "./rules.ts";

/** AUDIT_ARCH_* as in seccomp_data; x32 shares x86-64's and sets a bit in the number. @see linux/audit.h */
const AUDIT: Record<Exclude<Architecture, "x32">, number> = {
  amd64: 0xc000_003e,
  x86: 0x4000_0003,
  arm64: 0xc000_00b7,
  arm: 0x4000_0028,
};
const X32_BIT = 0x4000_0000;
/** What a tracer writes to skip a call: no call of x32. */
const NO_CALL = 0xffff_ffff;

/**
 * The filter: by architecture, then a balanced tree over ranges of numbers with the same answer, so that any call costs some
 * ten comparisons. Calls of an architecture that the profile does not cover kill the thread, as with libseccomp.
 */
export function compileFilter({ defaultValue, architectures }: ResolvedProfile): Piece {
  let program: Piece = returns(KILL_THREAD);
  for (const [architecture, decisions] of [...architectures].reverse()) {
    if (architecture === "x32") continue;
    const body = architecture === "amd64" ? amd64(decisions, architectures.get("x32"), defaultValue) : undefined;
    const section = [load(NUMBER_OFFSET), ...(body ?? tree(rangesOf(decisions, defaultValue)))];
    program = branch(JUMP_EQUAL, AUDIT[architecture], section, program);
  }
  return [load(ARCHITECTURE_OFFSET), ...program];
}

function amd64(own: Map<number, Decision>, x32: Map<number, Decision> | undefined, defaultValue: number): Piece {
  const above = x32
    ? tree(rangesOf(x32, defaultValue))
    : branch(JUMP_EQUAL, NO_CALL, returns(defaultValue), returns(KILL_THREAD));
  return branch(JUMP_GREATER_OR_EQUAL, X32_BIT, above, tree(rangesOf(own, defaultValue)));
}

interface Range {
  /** First number of the range; it ends where the next begins. */
  first: number;
  piece: Piece;
}

/** Neighbours with one fixed answer become one range; gaps are ranges with the default. */
function rangesOf(decisions: ReadonlyMap<number, Decision>, defaultValue: number): Range[] {
  const ranges: Range[] = [{ first: 0, piece: returns(defaultValue) }];
  let fixed: number | undefined = defaultValue;
  const add = (first: number, piece: Piece, value: number | undefined) => {
    if (value !== undefined && value === fixed) return;
    if (ranges.at(-1)?.first === first) ranges.pop();
    ranges.push({ first, piece });
    fixed = value;
  };
  let next = 0;
  for (const [number, decision] of [...decisions].sort(([a], [b]) => a - b)) {
    if (number > next) add(next, returns(defaultValue), defaultValue);
    if ("always" in decision) add(number, returns(decision.always), decision.always);
    else add(number, decisionPiece(decision.rules, defaultValue), undefined);
    next = number + 1;
  }
  add(next, returns(defaultValue), defaultValue);
  return ranges;
}

function decisionPiece(rules: Extract<Decision, { rules: unknown }>["rules"], defaultValue: number): Piece {
  return [...rules.flatMap(({ tests, value }) => ruleInstructions(tests, value)), ...returns(defaultValue)];
}

function tree(ranges: readonly Range[]): Piece {
  const [only] = ranges;
  if (ranges.length === 1 && only !== undefined) return only.piece;
  const middle = ranges.length >> 1;
  const pivot = ranges[middle];
  if (pivot === undefined) throw new RangeError("a tree of no ranges");
  return branch(JUMP_GREATER_OR_EQUAL, pivot.first, tree(ranges.slice(middle)), tree(ranges.slice(0, middle)));
}
