import type { InstructionSource } from "../instructions.ts";
import type { CheckInput, Found } from "./check-input.ts";

/**
 * The comment right before FROM or ARG describes the stage or argument where it starts with its name; `--call=outline` shows it.
 * @see BuildKit frontend/dockerfile/instructions/parse.go `validateDefinitionDescription`
 */
export function checkDescriptions(input: CheckInput): Found[] {
  const { metaArgs, stages } = input.dockerfile;
  const lines = input.source.split("\n");
  const check = (instruction: InstructionSource, names: string[]): Found[] => {
    const comment = commentBefore(lines, instruction.location.startLine);
    if (comment === undefined || names.length === 0 || names.includes(comment.split(" ", 1)[0] as string)) return [];
    const name = names.length === 1 ? names[0] : "<arg_key>";
    const message = `Comment for ${instruction.name} should follow the format: \`# ${name} <description>\``;
    return [{ rule: "InvalidDefinitionDescription", message, location: instruction.location }];
  };
  return [
    ...metaArgs.flatMap((arg) => check(arg, namesOf(arg))),
    ...stages.flatMap(({ from, instructions }) => [
      ...check(from, from.stageName === undefined ? [] : [from.stageName]),
      ...instructions.flatMap((item) => (item.kind === "arg" ? check(item, namesOf(item)) : [])),
    ]),
  ];
}

function namesOf({ args }: { args: { name: string }[] }): string[] {
  return args.map(({ name }) => name);
}

/** The line before line `number`, if it is a comment with something in it and no directive. */
function commentBefore(lines: string[], number: number): string | undefined {
  const line = (lines[number - 2] ?? "").replace(/^\uFEFF/, "").trim();
  const text = line.startsWith("#") ? line.slice(1).trim() : "";
  const isDirective = /^(syntax|escape|check)\s*=/i.test(text) && number - 2 < DIRECTIVES;
  return text === "" || isDirective ? undefined : text;
}

/** As many lines at the top can be directives. */
const DIRECTIVES = 3;
