import { type CommandNode, type Node, type Operand, type Pipeline, type Template, TemplateError } from "./ast.ts";
import { FUNCTIONS } from "./functions.ts";
import { isMap, isTrue, printValue, sortedKeys, typeName, type Value } from "./print-value.ts";

/** Most nodes one run may visit, and longest output: a template of a hostile label must not hold us. */
const MAX_STEPS = 10_000_000;
const MAX_OUTPUT_CHARS = 256 * 1024 * 1024;
const MAX_TEMPLATE_DEPTH = 1000;

export interface ExecuteOptions {
  /** What a key that a map has not stands for: Go's `missingkey=error`, or `<no value>`. */
  missingKey: "error" | "no-value";
  /** Go's name of the data's type, when it is a struct there: an unknown field then is an error that names it. */
  rootType?: string;
  /**
   * The data is JSON of Go structs, whose fields are named a little differently in Go: `ID` for `Id`, `APIVersion` for
   * `ApiVersion`. A name with a capital then also finds the key that differs from it in case only.
   */
  goNames?: boolean;
  functions?: Record<string, (...args: Value[]) => Value>;
}

/** Runs a template on `data`. Throws TemplateError in Go's words. */
export function executeTemplate(template: Template, data: Value, options: ExecuteOptions): string {
  const run = new Evaluator(template, data, options);
  run.nodes(template.root, data);
  return run.output();
}

type Flow = "next" | "break" | "continue";
interface Variable {
  name: string;
  value: Value;
}

class Evaluator {
  readonly #template: Template;
  readonly #options: ExecuteOptions;
  readonly #root: Value;
  #variables: Variable[];
  #out: string[] = [];
  #outChars = 0;
  #steps = 0;
  #depth = 0;

  constructor(template: Template, data: Value, options: ExecuteOptions) {
    this.#template = template;
    this.#options = options;
    this.#root = data;
    this.#variables = [{ name: "$", value: data }];
  }

  output(): string {
    return this.#out.join("");
  }

  nodes(nodes: readonly Node[], dot: Value): Flow {
    for (const node of nodes) {
      if (++this.#steps > MAX_STEPS) throw new TemplateError("template: too many steps");
      const flow = this.#node(node, dot);
      if (flow !== "next") return flow;
    }
    return "next";
  }

  #node(node: Node, dot: Value): Flow {
    switch (node.kind) {
      case "text":
        this.#write(node.text);
        return "next";
      case "action": {
        const value = this.#pipeline(node.pipeline, dot);
        if (node.pipeline.variables.length === 0) this.#write(printValue(value));
        return "next";
      }
      case "if":
      case "with":
        return this.#scoped(() => {
          const value = this.#pipeline(node.pipeline, dot);
          const inner = node.kind === "with" ? value : dot;
          return isTrue(value) ? this.nodes(node.body, inner) : this.nodes(node.otherwise, dot);
        });
      case "range":
        return this.#range(node, dot);
      case "template":
        return this.#call(node, dot);
      case "break":
      case "continue":
        return node.kind;
    }
  }

  #range(node: Extract<Node, { kind: "range" }>, dot: Value): Flow {
    return this.#scoped(() => {
      const value = this.#pipeline({ ...node.pipeline, variables: [] }, dot);
      const items = this.#items(value, node.pipeline);
      if (items.length === 0) return this.nodes(node.otherwise, dot);
      const [first, second] = node.pipeline.variables;
      for (const [key, item] of items) {
        const flow = this.#scoped(() => {
          if (second !== undefined && first !== undefined) {
            this.#set(first, key, node.pipeline.assigns);
            this.#set(second, item, node.pipeline.assigns);
          } else if (first !== undefined) this.#set(first, item, node.pipeline.assigns);
          return this.nodes(node.body, item);
        });
        if (flow === "break") break;
      }
      return "next";
    });
  }

  #items(value: Value, pipeline: Pipeline): [key: Value, item: Value][] {
    if (value === null || value === undefined) return [];
    if (Array.isArray(value)) return value.map((item, index) => [index, item]);
    if (isMap(value)) return sortedKeys(value).map((key) => [key, value[key]]);
    if (typeof value === "number" && Number.isInteger(value))
      return Array.from({ length: Math.max(0, value) }, (_, index) => [index, index]);
    const [command] = pipeline.commands;
    throw this.#fail(pipeline.commands.at(-1) ?? command, `range can't iterate over ${printValue(value)}`);
  }

  #call(node: Extract<Node, { kind: "template" }>, dot: Value): Flow {
    const body = this.#template.defined.get(node.name);
    if (body === undefined) {
      throw this.#failAt(
        node,
        `{{template ${JSON.stringify(node.name)}}}`,
        `template ${JSON.stringify(node.name)} not defined`,
      );
    }
    if (++this.#depth > MAX_TEMPLATE_DEPTH) throw new TemplateError("template: exceeded maximum template depth");
    const value = node.pipeline === undefined ? null : this.#pipeline(node.pipeline, dot);
    const outer = this.#variables;
    this.#variables = [{ name: "$", value }];
    this.nodes(body, value);
    this.#variables = outer;
    this.#depth--;
    return "next";
  }

  #scoped(body: () => Flow): Flow {
    const height = this.#variables.length;
    const flow = body();
    this.#variables.length = height;
    return flow;
  }

  #set(name: string, value: Value, assigns: boolean): void {
    const known = assigns ? this.#variables.findLast((variable) => variable.name === name) : undefined;
    if (known === undefined) this.#variables.push({ name, value });
    else known.value = value;
  }

  #pipeline(pipeline: Pipeline, dot: Value): Value {
    let value: Value;
    for (const [index, command] of pipeline.commands.entries()) {
      value = this.#command(command, dot, index === 0 ? [] : [value]);
    }
    for (const name of pipeline.variables) this.#set(name, value, pipeline.assigns);
    return value;
  }

  #command(command: CommandNode, dot: Value, final: Value[]): Value {
    const [first, ...rest] = command.operands;
    if (first === undefined) return undefined;
    if (first.kind === "function") return this.#function(first, command, rest, dot, final);
    if (first.kind === "field") {
      const args = () => [...rest.map((operand) => this.#operand(operand, dot)), ...final];
      return this.#field(first, dot, rest.length + final.length > 0 ? args : undefined);
    }
    if (first.kind === "nil") throw this.#fail(first, "nil is not a command");
    if (rest.length > 0 || final.length > 0)
      throw this.#fail(command, `can't give argument to non-function ${first.text}`);
    return this.#operand(first, dot);
  }

  #operand(operand: Operand, dot: Value): Value {
    switch (operand.kind) {
      case "dot":
        return dot;
      case "nil":
        return null;
      case "literal":
        return operand.value;
      case "variable":
        return this.#variables.findLast((variable) => variable.name === operand.name)?.value;
      case "function":
        return this.#function(operand, operand, [], dot, []);
      case "field":
        return this.#field(operand, dot, undefined);
      case "pipeline":
        return this.#pipeline(operand.pipeline, dot);
    }
  }

  #function(
    operand: Extract<Operand, { kind: "function" }>,
    where: CommandNode | Operand,
    args: Operand[],
    dot: Value,
    final: Value[],
  ): Value {
    const { name } = operand;
    if (name === "and" || name === "or") {
      let value: Value;
      for (const [index, get] of [
        ...args.map((arg) => () => this.#operand(arg, dot)),
        ...final.map((arg) => () => arg),
      ].entries()) {
        value = get();
        if (index < args.length + final.length && isTrue(value) === (name === "or")) return value;
      }
      return value;
    }
    const values = [...args.map((arg) => this.#operand(arg, dot)), ...final];
    const implementation = this.#options.functions?.[name] ?? FUNCTIONS[name];
    try {
      if (implementation === undefined) throw new Error(`${name} is not callable here`);
      return implementation(...values);
    } catch (error) {
      if (error instanceof TemplateError) throw error;
      throw this.#fail(where, `error calling ${name}: ${(error as Error).message}`);
    }
  }

  #field(operand: Extract<Operand, { kind: "field" }>, dot: Value, args: (() => Value[]) | undefined): Value {
    let value = this.#operand(operand.base, dot);
    for (const [index, name] of operand.names.entries()) {
      const last = index === operand.names.length - 1;
      value = this.#member(operand, value, name, last ? args : undefined);
    }
    return value;
  }

  #member(operand: Operand, value: Value, name: string, args: (() => Value[]) | undefined): Value {
    if (value === null || value === undefined) {
      throw this.#fail(operand, `nil pointer evaluating interface {}.${name}`);
    }
    if (!isMap(value)) {
      const type = operand.kind === "field" && operand.names.length > 1 ? "interface {}" : typeName(value);
      throw this.#fail(operand, `can't evaluate field ${name} in type ${type}`);
    }
    const member = Object.hasOwn(value, name) ? value[name] : undefined;
    if (typeof member === "function") return (member as (...values: Value[]) => Value)(...(args?.() ?? []));
    if (args !== undefined) throw this.#fail(operand, `${name} is not a method but has arguments`);
    if (Object.hasOwn(value, name)) return member;
    const other = this.#options.goNames === true ? sameButCase(value, name) : undefined;
    if (other !== undefined) return value[other];
    if (value === this.#root && this.#options.rootType !== undefined) {
      throw this.#fail(operand, `can't evaluate field ${name} in type ${this.#options.rootType}`);
    }
    if (this.#options.missingKey === "error")
      throw this.#fail(operand, `map has no entry for key ${JSON.stringify(name)}`);
    return undefined;
  }

  #write(text: string): void {
    this.#outChars += text.length;
    if (this.#outChars > MAX_OUTPUT_CHARS) throw new TemplateError("template: output is too long");
    this.#out.push(text);
  }

  #fail(node: Operand | CommandNode | undefined, message: string): TemplateError {
    return node === undefined ? new TemplateError(message) : this.#failAt(node, node.text, message);
  }

  #failAt(node: { at: { line: number; column: number } }, text: string, message: string): TemplateError {
    const { name } = this.#template;
    return new TemplateError(
      `template: ${name}:${node.at.line}:${node.at.column}: executing "${name}" at <${text}>: ${message}`,
    );
  }
}

function sameButCase(map: Record<string, Value>, name: string): string | undefined {
  if (!/^[A-Z]/.test(name)) return undefined;
  const lower = name.toLowerCase();
  return Object.keys(map).find((key) => /^[A-Z]/.test(key) && key.toLowerCase() === lower);
}
