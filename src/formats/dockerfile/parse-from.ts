import { DockerfileError } from "./dockerfile-error.ts";
import { parseFlags } from "./flags.ts";
import type { FromInstruction } from "./instructions.ts";
import { splitBlanks } from "./words.ts";

export function parseFrom(given: { flags: string[]; rest: string }): FromInstruction {
  const words = splitBlanks(given.rest);
  const [base = "", as, name] = words;
  const named = words.length === 3 && as?.toLowerCase() === "as";
  if (words.length !== 1 && !named) throw new DockerfileError("FROM requires either one or three arguments");
  const stageName = named ? (name as string).toLowerCase() : undefined;
  if (stageName !== undefined && !/^[a-z][a-z0-9-_.]*$/.test(stageName))
    throw new DockerfileError(
      `invalid name for build stage: ${JSON.stringify(name)}, name can't start with a number or contain symbols`,
    );
  return {
    kind: "from",
    base,
    stageName,
    stageNameWritten: named ? name : undefined,
    asWritten: named ? as : undefined,
    platform: parseFlags(given.flags, { platform: "string" }).string("platform"),
  };
}
