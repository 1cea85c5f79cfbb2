import { isSpace, trimSpace } from "./spaces.ts";

export interface SplitCommand {
  /** As written. */
  name: string;
  /** `--name=value`, without quotes and escapes. */
  flags: string[];
  rest: string;
}

/** Takes an instruction's line apart. @see BuildKit frontend/dockerfile/parser/split_command.go */
export function splitCommand(line: string, escape: string): SplitCommand {
  const text = trimSpace(line);
  const match = /^([^\t\v\f\r ]*)[\t\v\f\r ]*/.exec(text) as RegExpExecArray;
  const { flags, rest } = takeFlags(text.slice(match[0].length), escape);
  return { name: match[1] as string, flags, rest: trimSpace(rest) };
}

/** Leading words that start with `--`; a bare `--` ends them. */
function takeFlags(text: string, escape: string): { flags: string[]; rest: string } {
  const flags: string[] = [];
  let at = 0;
  for (;;) {
    while (at < text.length && isSpace(text[at] as string)) at++;
    if (!text.startsWith("--", at)) return { flags, rest: text.slice(at) };
    const word = takeWord(text, at, escape);
    at = word.end;
    if (word.text === "--") return { flags, rest: text.slice(at) };
    flags.push(word.text);
  }
}

function takeWord(text: string, start: number, escape: string): { text: string; end: number } {
  let word = "";
  let quote = "";
  let at = start;
  for (; at < text.length; at++) {
    const character = text[at] as string;
    if (quote === "" && isSpace(character)) break;
    if (character === quote) quote = "";
    else if (quote === "" && (character === "'" || character === '"')) quote = character;
    else if (character !== escape) word += character;
    else if (at + 1 < text.length) word += text[++at] as string;
  }
  return { text: word, end: at };
}
