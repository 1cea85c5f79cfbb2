import { DockerfileError } from "./dockerfile-error.ts";
import { parseFlags } from "./flags.ts";
import { parseHeredocWord, withoutTabs } from "./heredoc.ts";
import type { CopyInstruction, Heredoc } from "./instructions.ts";
import { parseJsonArray, splitBlanks } from "./words.ts";

const COMMON = { chown: "string", chmod: "string", link: "bool", exclude: "many" } as const;
const COPY = { ...COMMON, from: "string", parents: "bool" } as const;
const ADD = { ...COMMON, "keep-git-dir": "bool", checksum: "string", unpack: "bool" } as const;

/** Arguments of ADD or COPY. `heredocs`: the documents that follow the line, in order. */
export function parseCopy(
  name: "ADD" | "COPY",
  given: { flags: string[]; rest: string; heredocs: Heredoc[] },
): CopyInstruction {
  const words = parseJsonArray(given.rest) ?? splitSources(given.rest);
  if (words.length < 2)
    throw new DockerfileError(
      `${name} requires at least two arguments, but only one was provided. Destination could not be determined`,
    );
  const flags = parseFlags(given.flags, name === "COPY" ? COPY : ADD);
  const destination = words.pop() as string;
  if (heredocOf(destination) !== undefined)
    throw new DockerfileError(`${name} cannot accept a heredoc as a destination`);
  return {
    kind: "copy",
    ...sourcesOf(words, given.heredocs),
    destination,
    from: flags.string("from"),
    chown: flags.string("chown"),
    chmod: flags.string("chmod"),
    link: flags.bool("link") ?? false,
    parents: flags.bool("parents") ?? false,
    exclude: flags.many("exclude"),
    keepGitDir: flags.bool("keep-git-dir"),
    checksum: flags.string("checksum"),
    unpack: flags.bool("unpack"),
  };
}

/** `<< EOF` is one word. */
function splitSources(rest: string): string[] {
  const words: string[] = [];
  for (const word of splitBlanks(rest)) {
    const before = words.at(-1);
    if (before !== undefined && /^\d*<<$/.test(before)) words[words.length - 1] = before + word;
    else words.push(word);
  }
  return words;
}

/** Words that announce a document get its content by name; the last one of a name counts, as in BuildKit. */
function sourcesOf(words: string[], documents: Heredoc[]): { sources: string[]; heredocs: Heredoc[] } {
  const contents = new Map(documents.map((document) => [document.name, document.content]));
  const heredocs: Heredoc[] = [];
  const sources = words.map((word) => {
    const heredoc = heredocOf(word);
    if (heredoc === undefined) return word;
    heredocs.push(withoutTabs({ ...heredoc, content: contents.get(heredoc.name) ?? "" }));
    return `<<${heredoc.name}`;
  });
  return { sources, heredocs };
}

/** A word whose delimiter cannot be read is a path that looks odd. */
function heredocOf(word: string): Heredoc | undefined {
  try {
    return parseHeredocWord(word);
  } catch {
    return undefined;
  }
}
