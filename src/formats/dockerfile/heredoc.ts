import { expandWords } from "./expand.ts";
import type { Heredoc } from "./instructions.ts";
import { trimLeft } from "./spaces.ts";

const UNSET = () => undefined;

/**
 * `3<<-"EOF"` as a document without its content; undefined where the word is none. Throws where the delimiter's quotes do not
 * end. @see BuildKit frontend/dockerfile/parser/parser.go `heredocFromMatch`
 */
export function parseHeredocWord(word: string): Heredoc | undefined {
  const match = /^(\d*)<<(-?)([^<]*)$/.exec(word);
  const delimiter = match === null ? "" : trimLeft(match[3] as string);
  if (match === null || delimiter === "") return undefined;
  const [name, ...more] = expandWords(delimiter, UNSET, { keepUnset: true });
  if (name === undefined || more.length > 0) return undefined;
  const raw = expandWords(delimiter, UNSET, { keepUnset: true, rawQuotes: true })[0] ?? "";
  return {
    name,
    // A quote that is there only as long as quotes are kept was none of the name's characters.
    expand: quotesOf(name) === quotesOf(raw),
    chomp: match[2] === "-",
    content: "",
    fileDescriptor: Math.min(Number(match[1]), Number.MAX_SAFE_INTEGER),
  };
}

/** The documents that a line announces, in order. */
export function heredocsOf(line: string): Heredoc[] {
  if (!line.includes("<<")) return [];
  return splitShell(line)
    .map(parseHeredocWord)
    .filter((heredoc) => heredoc !== undefined);
}

/** Of a `<<-` document the leading tabs of every line go away. */
export function withoutTabs(heredoc: Heredoc): Heredoc {
  return heredoc.chomp ? { ...heredoc, content: heredoc.content.replace(/^\t+/gm, "") } : heredoc;
}

/** Words of a shell's line, quotes and escapes in them. A line that is no proper shell has none: the shell will complain. */
function splitShell(line: string): string[] {
  try {
    return expandWords(line, UNSET, { keepUnset: true, rawQuotes: true, rawEscapes: true });
  } catch {
    return [];
  }
}

function quotesOf(text: string): number {
  return text.replaceAll(/[^'"]/g, "").length;
}
