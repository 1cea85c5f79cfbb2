import type { LaunchPlan, StagedOperation } from "../../src/runtime/plan/launch-plan.ts";

/** One line per operation: `stage op key=value …`; bytes by their length. */
export function planText(plan: LaunchPlan): string[] {
  return plan.operations.map(({ stage, op, ...args }: StagedOperation) => {
    const fields = Object.entries(args).map(([name, value]) => `${name}=${valueText(value)}`);
    return [stage, op, ...fields].join(" ");
  });
}

function valueText(value: unknown): string {
  if (value instanceof Uint8Array) return `<${value.length} bytes>`;
  if (typeof value === "bigint") return `0x${value.toString(16)}`;
  if (typeof value === "string") return value;
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return `{${Object.entries(value)
      .map(([name, inner]) => (inner === true ? name : `${name}:${valueText(inner)}`))
      .join(" ")}}`;
  }
  return JSON.stringify(value) ?? "none";
}

/** What `changed` has and `base` has not, and the other way round, in order. */
export function planChanges(base: readonly string[], changed: readonly string[]): string[] {
  return [
    ...base.filter((line) => !changed.includes(line)).map((line) => `- ${line}`),
    ...changed.filter((line) => !base.includes(line)).map((line) => `+ ${line}`),
  ];
}
