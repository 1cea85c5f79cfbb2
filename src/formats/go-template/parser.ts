import { type Node, type Pipeline, type Position, type Template, TemplateError } from "./ast.ts";
import { lex, type Segment, type Token } from "./lexer.ts";
import { PipelineParser } from "./pipeline-parser.ts";

/** Deepest nesting of actions. */
const MAX_DEPTH = 200;

/** Parses Go's text/template. `functions`: the names that exist. Throws TemplateError in Go's words. */
export function parseTemplate(source: string, functions: ReadonlySet<string>, name = ""): Template {
  return new Parser(name, lex(name, source), functions).parse();
}

type Ending = "end" | "else" | "eof";

class Parser {
  readonly #name: string;
  readonly #segments: Segment[];
  readonly #functions: ReadonlySet<string>;
  readonly #defined = new Map<string, Node[]>();
  #next = 0;
  #depth = 0;
  #rangeDepth = 0;
  /** Names in scope, innermost last. */
  #variables: string[] = ["$"];
  /** What follows an `else`: ` if …` or ` with …`. */
  #elseTokens: Token[] = [];
  #line = 1;

  constructor(name: string, segments: Segment[], functions: ReadonlySet<string>) {
    this.#name = name;
    this.#segments = segments;
    this.#functions = functions;
  }

  parse(): Template {
    const { nodes, ending } = this.#list();
    if (ending !== "eof") throw this.#fail(`unexpected {{${ending}}}`);
    return { name: this.#name, root: nodes, defined: this.#defined };
  }

  #list(): { nodes: Node[]; ending: Ending } {
    if (++this.#depth > MAX_DEPTH) throw this.#fail("template is nested too deeply");
    const nodes: Node[] = [];
    for (;;) {
      const segment = this.#segments[this.#next++];
      if (segment === undefined) return this.#leave(nodes, "eof");
      if (segment.kind === "text") {
        nodes.push(segment);
        continue;
      }
      this.#line = segment.at.line;
      const [first, ...rest] = segment.tokens;
      const word = first?.type === "word" ? first.text : "";
      if (word === "end") {
        this.#expectNothing(rest, "end");
        return this.#leave(nodes, "end");
      }
      if (word === "else") {
        this.#elseTokens = rest;
        return this.#leave(nodes, "else");
      }
      const node = this.#action(word, segment.tokens, segment.at);
      if (node !== undefined) nodes.push(node);
    }
  }

  #leave(nodes: Node[], ending: Ending): { nodes: Node[]; ending: Ending } {
    this.#depth--;
    return { nodes, ending };
  }

  #action(word: string, tokens: Token[], at: Position): Node | undefined {
    switch (word) {
      case "if":
      case "with":
      case "range":
        return this.#control(word, tokens.slice(1), at);
      case "define":
        return this.#define(tokens);
      case "block":
        return this.#block(tokens, at);
      case "template":
        return this.#template(tokens, at);
      case "break":
      case "continue":
        if (this.#rangeDepth === 0) throw this.#fail(`{{${word}}} outside {{range}}`);
        this.#expectNothing(tokens.slice(1), word);
        return { kind: word };
      default:
        return { kind: "action", pipeline: this.#pipeline(tokens, at, "command") };
    }
  }

  #control(kind: "if" | "with" | "range", tokens: Token[], at: Position): Node {
    const scope = this.#variables.length;
    const pipeline = this.#pipeline(tokens, at, kind);
    if (kind === "range") this.#rangeDepth++;
    const { nodes: body, ending } = this.#list();
    if (kind === "range") this.#rangeDepth--;
    let otherwise: Node[] = [];
    if (ending === "eof") throw this.#fail("unexpected EOF");
    if (ending === "else") otherwise = this.#otherwise(kind, at);
    this.#variables.length = scope;
    return { kind, pipeline, body, otherwise };
  }

  /** The part after `{{else}}`; `{{else if x}}` is an `if` that shares our `{{end}}`. */
  #otherwise(kind: "if" | "with" | "range", at: Position): Node[] {
    const [first, ...rest] = this.#elseTokens;
    if (first !== undefined) {
      if (first.type === "word" && first.text === kind && kind !== "range") return [this.#control(kind, rest, at)];
      throw this.#fail(`unexpected <${first.text}> in else`);
    }
    const { nodes, ending } = this.#list();
    if (ending === "else") throw this.#fail("expected end; found {{else}}");
    if (ending === "eof") throw this.#fail("unexpected EOF");
    return nodes;
  }

  #define(tokens: Token[]): undefined {
    const name = this.#nameOf(tokens, "define clause");
    this.#defined.set(name, this.#body());
  }

  #block(tokens: Token[], at: Position): Node {
    const name = this.#nameOf(tokens, "block clause");
    const pipeline = this.#pipeline(tokens.slice(2), at, "block clause");
    this.#defined.set(name, this.#body());
    return { kind: "template", name, pipeline, at };
  }

  #template(tokens: Token[], at: Position): Node {
    const name = this.#nameOf(tokens, "template clause");
    const pipeline = tokens.length > 2 ? this.#pipeline(tokens.slice(2), at, "template clause") : undefined;
    return { kind: "template", name, pipeline, at: tokens[1]?.at ?? at };
  }

  /** A body of its own: the variables around it are not seen inside. */
  #body(): Node[] {
    const outer = this.#variables;
    this.#variables = ["$"];
    const { nodes, ending } = this.#list();
    this.#variables = outer;
    if (ending !== "end") throw this.#fail("unexpected EOF");
    return nodes;
  }

  #nameOf(tokens: Token[], context: string): string {
    const token = tokens[1];
    if (token?.type !== "string")
      throw this.#fail(`unexpected ${token === undefined ? '"}}"' : `<${token.text}>`} in ${context}`);
    return token.value ?? "";
  }

  #pipeline(tokens: Token[], at: Position, context: string): Pipeline {
    return new PipelineParser({
      tokens,
      at,
      context,
      functions: this.#functions,
      variables: this.#variables,
      fail: (message) => this.#fail(message),
    }).parse();
  }

  #expectNothing(tokens: Token[], context: string): void {
    const [token] = tokens;
    if (token !== undefined) throw this.#fail(`unexpected <${token.text}> in ${context}`);
  }

  #fail(message: string): TemplateError {
    return new TemplateError(`template: ${this.#name}:${this.#line}: ${message}`);
  }
}
