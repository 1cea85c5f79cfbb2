import { DockerfileError, DockerfileSyntaxError, withLocation } from "./dockerfile-error.ts";
import type { ArgInstruction, Dockerfile, Instruction, InstructionSource, Stage } from "./instructions.ts";
import { parseLine } from "./parse-line.ts";
import { type Line, readLines } from "./read-lines.ts";

/**
 * Reads a Dockerfile. The whole file is read before it is said what is wrong with an instruction, as BuildKit does. Throws
 * DockerfileError with the lines that are to blame. Variables are not expanded.
 * @see BuildKit frontend/dockerfile/instructions/parse.go `Parse`
 */
export function parseDockerfile(source: string): Dockerfile {
  const { directives, lines, emptyContinuations } = readLines(source);
  const metaArgs: (ArgInstruction & InstructionSource)[] = [];
  const stages: Stage[] = [];
  for (const line of lines) {
    const instruction = instructionOf(line, directives.escape);
    const stage = stages.at(-1);
    if (instruction.kind === "from") stages.push({ from: instruction, index: stages.length, instructions: [] });
    else if (stage !== undefined) stage.instructions.push(instruction);
    else if (instruction.kind === "arg") metaArgs.push(instruction);
    else throw new DockerfileError("no build stage in current context", line.location);
  }
  if (stages.length === 0) throw new DockerfileError("dockerfile contains no stages to build");
  return { directives, metaArgs, stages, emptyContinuations };
}

/**
 * Reads one instruction: a trigger of ONBUILD, or a change for `docker commit`. Documents follow it on lines of their own. Throws
 * DockerfileError; its lines count within `text`.
 */
export function parseInstruction(text: string, escape: "\\" | "`" = "\\"): Instruction {
  const { lines } = readLines(text, escape);
  const [line, second] = lines as [Line, Line | undefined];
  if (second !== undefined) throw new DockerfileError(`more than one instruction: ${second.text}`, second.location);
  return instructionOf(line, escape);
}

function instructionOf(line: Line, escape: "\\" | "`"): Instruction {
  try {
    return parseLine({ ...line, escape });
  } catch (error) {
    if (!(error instanceof DockerfileError) || error instanceof DockerfileSyntaxError)
      throw withLocation(error, line.location);
    const message = `dockerfile parse error on line ${line.location.startLine}: ${error.message}`;
    throw withLocation(new DockerfileError(message, undefined, { cause: error }), line.location);
  }
}
