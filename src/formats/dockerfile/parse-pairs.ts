import { DockerfileError, DockerfileSyntaxError } from "./dockerfile-error.ts";
import type { ArgInstruction, PairsInstruction } from "./instructions.ts";
import { splitQuoted } from "./words.ts";

/** `a=b c="d e"`, or the old form `name the rest`. @see BuildKit parser/line_parsers.go `parseNameVal` */
export function parsePairs(name: "ENV" | "LABEL", rest: string, escape: string): PairsInstruction {
  const words = splitQuoted(rest, escape);
  if (words.length === 0) throw new DockerfileError(`${name} requires at least one argument`);
  if (!(words[0] as string).includes("=")) {
    const [, key = "", value] = /^([^\t\v\f\r ]*)[\t\v\f\r ]+([^]*)$/.exec(rest) ?? [];
    if (value === undefined) throw new DockerfileSyntaxError(`${name} must have two arguments`);
    return { kind: "pairs", pairs: [{ name: key, value, legacy: true }] };
  }
  const pairs = words.map((word) => {
    const equals = word.indexOf("=");
    if (equals < 0)
      throw new DockerfileSyntaxError(
        `Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`,
      );
    return { name: word.slice(0, equals), value: word.slice(equals + 1), legacy: false };
  });
  if (pairs.some((pair) => pair.name === "")) throw new DockerfileError(`${name} names can not be blank`);
  return { kind: "pairs", pairs };
}

export function parseArg(rest: string, escape: string): ArgInstruction {
  const words = splitQuoted(rest, escape);
  if (words.length === 0) throw new DockerfileError("ARG requires at least one argument");
  const args = words.map((word) => {
    const equals = word.indexOf("=");
    if (equals === 0) throw new DockerfileError("ARG names can not be blank");
    return equals < 0
      ? { name: word, value: undefined }
      : { name: word.slice(0, equals), value: word.slice(equals + 1) };
  });
  return { kind: "arg", args };
}
