import type { InstructionSource } from "../instructions.ts";
import type { CheckInput, Found } from "./check-input.ts";

/** Stage names in lower case, AS as FROM is, and all instructions the same. */
export function checkCasing(input: CheckInput): Found[] {
  const { stages } = input.dockerfile;
  const found: Found[] = [];
  for (const { from } of stages) {
    const { asWritten, location, stageName, stageNameWritten, written } = from;
    if (stageNameWritten !== undefined && stageNameWritten !== stageName)
      found.push({
        rule: "StageNameCasing",
        message: `Stage name '${stageNameWritten}' should be lowercase`,
        location,
      });
    if (asWritten !== undefined && casingOf(written) !== "mixed" && casingOf(asWritten) !== casingOf(written))
      found.push({
        rule: "FromAsCasing",
        message: `'${asWritten}' and '${written}' keywords' casing do not match`,
        location,
      });
  }
  return [...found, ...checkInstructions(stages.flatMap((stage) => [stage.from, ...stage.instructions]))];
}

/** The majority decides; upper case where it is a draw. @see BuildKit dockerfile2llb/validations.go `validateCommandCasing` */
function checkInstructions(instructions: InstructionSource[]): Found[] {
  const count = (casing: string) => instructions.filter(({ written }) => casingOf(written) === casing).length;
  const wanted = count("lowercase") > count("uppercase") ? "lowercase" : "uppercase";
  return instructions
    .filter(({ written }) => casingOf(written) !== wanted)
    .map(({ written, location }) => ({
      rule: "ConsistentInstructionCasing",
      message: `Command '${written}' should match the case of the command majority (${wanted})`,
      location,
    }));
}

function casingOf(word: string): "lowercase" | "uppercase" | "mixed" {
  if (word === word.toLowerCase()) return "lowercase";
  return word === word.toUpperCase() ? "uppercase" : "mixed";
}
