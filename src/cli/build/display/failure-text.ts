import type { BuildState, Step } from "./build-state.ts";

const RULE = "------\n";
/** An excerpt of a Dockerfile within an error's message: its head, a rule, lines, a rule. */
const EXCERPT = /^[^\n]+:\d+\n-{20}\n(?:.*\n)*?-{20}\n?/m;

/** What is told of a build that failed: the steps at fault with the end of their output, the lines of the Dockerfile, the error. Pure. */
export function failureText(state: BuildState, message: string): string {
  const failed = [...state.steps.values()].filter(({ vertex }) => vertex.Error !== "" && !isCanceled(vertex.Error));
  const steps = failed.map(stepText).join("");
  const excerpt = EXCERPT.exec(message)?.[0] ?? "";
  const rest = message.replace(excerpt, "").trim();
  const prefix = rest.startsWith("failed to solve: ") ? "" : "failed to solve: ";
  return `${steps}${excerpt === "" || excerpt.endsWith("\n") ? excerpt : `${excerpt}\n`}ERROR: failed to build: ${prefix}${rest}`;
}

function stepText({ vertex, tail }: Step): string {
  const lines = tail.map(({ seconds, text }) => `${seconds.toFixed(3)} ${Bun.stripANSI(text)}\n`);
  return `${RULE} > ${vertex.Name.replace(/\s*\n\s*/g, " ")}:\n${lines.join("")}${RULE}`;
}

function isCanceled(error: string): boolean {
  return /^(context canceled|canceled)/i.test(error);
}
