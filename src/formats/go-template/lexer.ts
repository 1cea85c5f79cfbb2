import { type Position, TemplateError } from "./ast.ts";

/** A stretch of text, or the tokens of one action. */
export type Segment = { kind: "text"; text: string } | { kind: "action"; tokens: Token[]; at: Position };

export interface Token {
  type: "field" | "variable" | "word" | "number" | "string" | "char" | "pipe" | "(" | ")" | ":=" | "=" | "," | "dot";
  /** As written. */
  text: string;
  /** Of strings and characters. */
  value?: string;
  spaceBefore: boolean;
  at: Position;
}

const SPACE = /[ \t\r\n]/;

/** Cuts a template into text and actions; trim markers (`{{-`, `-}}`) and comments are done with. */
export function lex(name: string, source: string): Segment[] {
  const segments: Segment[] = [];
  let trimNext = false;
  let at = 0;
  const fail = (index: number, message: string) =>
    new TemplateError(`template: ${name}:${position(source, index).line}: ${message}`);
  while (at < source.length) {
    const open = source.indexOf("{{", at);
    let text = source.slice(at, open < 0 ? source.length : open);
    if (trimNext) text = text.trimStart();
    trimNext = false;
    if (open < 0) {
      push(segments, text);
      break;
    }
    let inside = open + 2;
    if (source[inside] === "-" && SPACE.test(source[inside + 1] ?? "")) {
      text = text.trimEnd();
      inside += 2;
    }
    push(segments, text);
    if (source.startsWith("/*", inside)) {
      const end = source.indexOf("*/", inside + 2);
      if (end < 0) throw fail(open, "unclosed comment");
      const close = /^(?:[ \t\r\n]+-)?\}\}/.exec(source.slice(end + 2));
      if (close === null) throw fail(open, "comment ends before closing delimiter");
      trimNext = close[0].length > 2;
      at = end + 2 + close[0].length;
      continue;
    }
    const action = lexAction(source, inside, fail);
    segments.push({ kind: "action", tokens: action.tokens, at: position(source, open) });
    trimNext = action.trimAfter;
    at = action.end;
  }
  return segments;
}

function push(segments: Segment[], text: string): void {
  if (text !== "") segments.push({ kind: "text", text });
}

const TOKENS: [type: Token["type"], pattern: RegExp][] = [
  ["field", /\.[\p{L}_][\p{L}\p{N}_]*/uy],
  ["number", /[+-]?(?:0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)/y],
  ["dot", /\./y],
  ["variable", /\$[\p{L}\p{N}_]*/uy],
  ["word", /[\p{L}_][\p{L}\p{N}_]*/uy],
  ["string", /"(?:[^"\\\n]|\\.)*"|`[^`]*`/y],
  ["char", /'(?:[^'\\\n]|\\.[^']*)'/uy],
  [":=", /:=/y],
  ["=", /=/y],
  ["pipe", /\|/y],
  ["(", /\(/y],
  [")", /\)/y],
  [",", /,/y],
];

/** What may follow a name without a space. */
const TERMINATOR = /^$|^[\s.,|:()=]|^\}\}/;
const ENDS_AT_TERMINATOR = new Set<Token["type"]>(["field", "variable", "word", "dot"]);

type Fail = (index: number, message: string) => TemplateError;

function lexAction(source: string, start: number, fail: Fail): { tokens: Token[]; end: number; trimAfter: boolean } {
  const tokens: Token[] = [];
  let at = start;
  let depth = 0;
  for (;;) {
    const before = at;
    while (SPACE.test(source[at] ?? "")) at++;
    const spaceBefore = at > before;
    const trims = spaceBefore && source.startsWith("-}}", at);
    if (trims || source.startsWith("}}", at)) {
      if (depth > 0) throw fail(start, "unclosed left paren");
      return { tokens, end: at + (trims ? 3 : 2), trimAfter: trims };
    }
    if (at >= source.length) throw fail(start, "unclosed action");
    const token = lexToken(source, at, spaceBefore, fail);
    if (token.type === "(") depth++;
    if (token.type === ")" && --depth < 0) throw fail(at, "unexpected right paren");
    tokens.push(token);
    at += token.text.length;
    if (ENDS_AT_TERMINATOR.has(token.type) && !TERMINATOR.test(source.slice(at, at + 2))) {
      throw fail(at, `bad character ${codePoint(String.fromCodePoint(source.codePointAt(at) ?? 0))}`);
    }
  }
}

function lexToken(source: string, at: number, spaceBefore: boolean, fail: Fail): Token {
  for (const [type, pattern] of TOKENS) {
    pattern.lastIndex = at;
    const match = pattern.exec(source);
    if (match === null) continue;
    const text = match[0];
    const token: Token = { type, text, spaceBefore, at: position(source, at) };
    return type === "string" || type === "char" ? { ...token, value: unquote(text) } : token;
  }
  if (source[at] === '"') throw fail(at, "unterminated quoted string");
  if (source[at] === "`") throw fail(at, "unterminated raw quoted string");
  if (source[at] === "'") throw fail(at, "unterminated character constant");
  const character = String.fromCodePoint(source.codePointAt(at) ?? 0);
  if (character.charCodeAt(0) < 128 && character.charCodeAt(0) > 32) {
    throw fail(at, `unexpected ${JSON.stringify(character)} in command`);
  }
  throw fail(at, `unrecognized character in action: ${codePoint(character)}`);
}

function codePoint(character: string): string {
  const hex = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
  return `U+${hex} '${character}'`;
}

const ESCAPES: Record<string, string> = { n: "\n", t: "\t", r: "\r", a: "\x07", b: "\b", f: "\f", v: "\v" };

function unquote(text: string): string {
  const body = text.slice(1, -1);
  if (text.startsWith("`")) return body;
  return body.replace(/\\(x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|[0-7]{3}|.)/gsu, (_, escape: string) => {
    if (/^[xuU]./.test(escape)) return String.fromCodePoint(Number.parseInt(escape.slice(1), 16));
    if (/^[0-7]{3}$/.test(escape)) return String.fromCharCode(Number.parseInt(escape, 8));
    return ESCAPES[escape] ?? escape;
  });
}

function position(source: string, index: number): Position {
  const before = source.slice(0, index);
  return { line: before.split("\n").length, column: index - (before.lastIndexOf("\n") + 1) };
}
