import type { CommandNode, Operand, Pipeline, Position, TemplateError } from "./ast.ts";
import type { Token } from "./lexer.ts";

/** Deepest nesting of parentheses. */
const MAX_DEPTH = 200;

export interface PipelineInput {
  tokens: Token[];
  at: Position;
  /** `if`, `range`, `command`: for messages. */
  context: string;
  functions: ReadonlySet<string>;
  /** Names in scope; declared ones are added. */
  variables: string[];
  fail(message: string): TemplateError;
}

/** Parses what stands inside one action: declarations, and commands joined by `|`. */
export class PipelineParser {
  readonly #input: PipelineInput;
  #next = 0;
  #depth = 0;

  constructor(input: PipelineInput) {
    this.#input = input;
  }

  parse(): Pipeline {
    const pipeline = this.#pipeline();
    const left = this.#peek();
    if (left !== undefined) throw this.#unexpected(left);
    return pipeline;
  }

  #pipeline(): Pipeline {
    const at = this.#peek()?.at ?? this.#input.at;
    const { variables, assigns } = this.#declaration();
    const commands: CommandNode[] = [];
    for (;;) {
      const token = this.#peek();
      if (token === undefined || token.type === ")") break;
      commands.push(this.#command());
      const after = this.#peek();
      if (after?.type !== "pipe") break;
      this.#next++;
      const following = this.#peek();
      if (following === undefined || following.type === ")")
        throw this.#input.fail(`missing value for ${this.#input.context}`);
    }
    if (commands.length === 0) throw this.#input.fail(`missing value for ${this.#input.context}`);
    this.#input.variables.push(...(assigns ? [] : variables));
    return { variables, assigns, commands, at };
  }

  #declaration(): { variables: string[]; assigns: boolean } {
    const tokens = this.#input.tokens;
    const [first, second, third, fourth] = tokens.slice(this.#next);
    if (first?.type !== "variable" || second === undefined) return { variables: [], assigns: false };
    if (second.type === ":=" || second.type === "=") {
      this.#next += 2;
      if (second.type === "=") this.#checkVariable(first.text);
      return { variables: [first.text], assigns: second.type === "=" };
    }
    const pair = second.type === "," && third?.type === "variable" && (fourth?.type === ":=" || fourth?.type === "=");
    if (!pair) return { variables: [], assigns: false };
    if (this.#input.context !== "range") throw this.#input.fail(`too many declarations in ${this.#input.context}`);
    this.#next += 4;
    return { variables: [first.text, third.text], assigns: fourth.type === "=" };
  }

  #command(): CommandNode {
    const operands: Operand[] = [];
    const at = this.#peek()?.at ?? this.#input.at;
    for (;;) {
      const token = this.#peek();
      if (token === undefined || token.type === "pipe" || token.type === ")") break;
      if (operands.length > 0 && !token.spaceBefore && token.type !== "(") throw this.#unexpected(token);
      operands.push(this.#operand());
    }
    if (operands.length === 0) throw this.#input.fail("empty command");
    const [first, ...rest] = operands;
    if (rest.length > 0 && (first?.kind === "literal" || first?.kind === "dot" || first?.kind === "nil")) {
      throw this.#input.fail(`can't give argument to non-function ${first.text}`);
    }
    return { operands, text: operands.map((operand) => operand.text).join(" "), at };
  }

  /** A term and the fields chained to it: `$x.A.B`, `(f).A`. */
  #operand(): Operand {
    const base = this.#term();
    const names = base.kind === "field" ? [...base.names] : [];
    // Go reports a chain at its second link.
    const second = this.#peek();
    const at = second?.type === "field" && !second.spaceBefore ? second.at : base.at;
    for (let token = this.#peek(); token?.type === "field" && !token.spaceBefore; token = this.#peek()) {
      names.push(token.text.slice(1));
      this.#next++;
    }
    if (names.length === 0 || (base.kind === "field" && names.length === base.names.length)) return base;
    if (base.kind === "literal" || base.kind === "nil")
      throw this.#input.fail(`unexpected . after term ${JSON.stringify(base.text)}`);
    if (base.kind === "field")
      return { ...base, names, at, text: `${base.base.kind === "dot" ? "" : base.base.text}.${names.join(".")}` };
    return { kind: "field", base, names, text: `${base.text}.${names.join(".")}`, at };
  }

  #term(): Operand {
    const token = this.#input.tokens[this.#next++];
    if (token === undefined) throw this.#input.fail(`missing value for ${this.#input.context}`);
    const { text, at } = token;
    switch (token.type) {
      case "field":
        return { kind: "field", base: { kind: "dot", text: ".", at }, names: [text.slice(1)], text, at };
      case "dot":
        return { kind: "dot", text, at };
      case "variable":
        this.#checkVariable(text);
        return { kind: "variable", name: text, text, at };
      case "string":
        return { kind: "literal", value: token.value ?? "", text, at };
      case "char":
        return { kind: "literal", value: token.value?.codePointAt(0) ?? 0, text, at };
      case "number":
        return { kind: "literal", value: numberOf(text), text, at };
      case "word":
        return this.#word(text, at);
      case "(": {
        if (++this.#depth > MAX_DEPTH) throw this.#input.fail("max expression depth exceeded");
        const pipeline = this.#pipeline();
        this.#depth--;
        if (this.#peek()?.type !== ")") throw this.#input.fail("unclosed left paren");
        this.#next++;
        const inner = pipeline.commands.map((command) => command.text).join(" | ");
        return { kind: "pipeline", pipeline, text: `(${inner})`, at };
      }
      case ")":
      case ",":
      case ":=":
      case "=":
      case "pipe":
        throw this.#unexpected(token);
    }
  }

  #word(text: string, at: Position): Operand {
    if (text === "true" || text === "false") return { kind: "literal", value: text === "true", text, at };
    if (text === "nil") return { kind: "nil", text, at };
    if (!this.#input.functions.has(text)) throw this.#input.fail(`function ${JSON.stringify(text)} not defined`);
    return { kind: "function", name: text, text, at };
  }

  #checkVariable(name: string): void {
    if (!this.#input.variables.includes(name)) throw this.#input.fail(`undefined variable ${JSON.stringify(name)}`);
  }

  #peek(): Token | undefined {
    return this.#input.tokens[this.#next];
  }

  #unexpected(token: Token): TemplateError {
    const quoted =
      token.type === "field" || token.type === "variable" || token.type === "word"
        ? `<${token.text}>`
        : JSON.stringify(token.text);
    return this.#input.fail(
      `unexpected ${quoted} in ${this.#input.context === "command" ? "operand" : this.#input.context}`,
    );
  }
}

function numberOf(text: string): number | bigint {
  const digits = text.replaceAll("_", "");
  if (!/[.eE]/.test(digits) || /^[+-]?0[xX]/.test(digits)) {
    const magnitude = BigInt(digits.replace(/^[+-]/, "").replace(/^0(?=[0-7]+$)/, "0o"));
    const value = digits.startsWith("-") ? -magnitude : magnitude;
    return value > BigInt(Number.MAX_SAFE_INTEGER) || value < BigInt(Number.MIN_SAFE_INTEGER) ? value : Number(value);
  }
  return Number(digits);
}
