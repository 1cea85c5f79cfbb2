/** A place in the template, for messages: `line` from 1, `column` in bytes from 0. */
export interface Position {
  line: number;
  column: number;
}

/** One thing that has a value. `text` is how Go writes it in messages. */
export type Operand =
  | { kind: "dot"; text: string; at: Position }
  | { kind: "nil"; text: string; at: Position }
  | { kind: "literal"; value: string | number | bigint | boolean; text: string; at: Position }
  | { kind: "function"; name: string; text: string; at: Position }
  | { kind: "variable"; name: string; text: string; at: Position }
  /** `base.a.b`; base is dot, a variable or a parenthesis. */
  | { kind: "field"; base: Operand; names: string[]; text: string; at: Position }
  | { kind: "pipeline"; pipeline: Pipeline; text: string; at: Position };

/** A function or method with its arguments, or a single operand. */
export interface CommandNode {
  operands: Operand[];
  text: string;
  at: Position;
}

/** `$a, $b := command | command`. */
export interface Pipeline {
  variables: string[];
  /** `=` instead of `:=`. */
  assigns: boolean;
  commands: CommandNode[];
  at: Position;
}

export type Node =
  | { kind: "text"; text: string }
  | { kind: "action"; pipeline: Pipeline }
  | { kind: "if"; pipeline: Pipeline; body: Node[]; otherwise: Node[] }
  | { kind: "with"; pipeline: Pipeline; body: Node[]; otherwise: Node[] }
  | { kind: "range"; pipeline: Pipeline; body: Node[]; otherwise: Node[] }
  | { kind: "template"; name: string; pipeline: Pipeline | undefined; at: Position }
  | { kind: "break" }
  | { kind: "continue" };

export interface Template {
  name: string;
  root: Node[];
  /** `define` and `block`. */
  defined: Map<string, Node[]>;
}

/** A template that does not parse, or failed while it ran; the text is Go's. */
export class TemplateError extends Error {}
