import { parseHeredocWord } from "../../formats/dockerfile/heredoc.ts";
import type { Heredoc, RunInstruction } from "../../formats/dockerfile/instructions.ts";

/** Where a document that brings its own interpreter is seen by it, as with BuildKit. */
export const SCRIPT_DIRECTORY = "/dev/pipes";

/** What a RUN starts. */
export type RunScript =
  | { kind: "exec"; argv: string[] }
  /** For the image's shell. `summary` of a lone document, for progress. */
  | { kind: "shell"; line: string; summary?: string }
  /** A document with `#!`: `interpreter` and the path of the file. */
  | { kind: "script"; interpreter: string[]; document: Heredoc; summary: string };

/**
 * A lone document is what the shell runs; one with `#!` is a file of its own. Where the line has more than the document, the shell
 * gets line and documents as they are written and sorts out descriptors itself.
 * @see BuildKit frontend/dockerfile/dockerfile2llb/convert.go `dispatchRun`
 */
export function runScript({ command, heredocs }: RunInstruction): RunScript {
  if (command.form === "exec") return { kind: "exec", argv: command.argv };
  const [document] = heredocs;
  if (document === undefined) return { kind: "shell", line: command.line };
  if (parseHeredocWord(command.line.trim()) === undefined) {
    const documents = heredocs.map(({ content, name }) => `\n${content}${name}`);
    return { kind: "shell", line: command.line + documents.join("") };
  }
  const summary = summarize(document.content);
  const interpreter = interpreterOf(document.content);
  if (interpreter === undefined) return { kind: "shell", line: document.content, summary };
  return { kind: "script", interpreter, document, summary };
}

/** The kernel's reading of `#!`: a program and at most one argument. @see execve(2) "Interpreter scripts" */
function interpreterOf(content: string): string[] | undefined {
  const [, program, argument = ""] = /^#![ \t]*([^ \t\n]+)[ \t]*([^\n]*)/.exec(content) ?? [];
  if (program === undefined) return undefined;
  return argument.trim() === "" ? [program] : [program, argument.trim()];
}

function summarize(content: string): string {
  const [first = "", ...more] = content.trim().split(/\r?\n/);
  return more.length > 0 ? `${first}...` : first;
}
