export interface FunctionLength {
  name: string;
  line: number;
  /** Lines from the opening to the closing brace, without those of functions nested in it. */
  lines: number;
}

const NOT_FUNCTIONS = /^(if|for|while|switch|else|do|try|catch|finally|return\s*\{|with)\b/;

/**
 * Lengths of the functions of formatted TypeScript or C. The formatter makes this easy: a function's last line closes with a brace
 * at the indentation of its first. (The type checker's own parser is not offered to programs.)
 */
export function functionLengths(text: string): FunctionLength[] {
  const lines = text.split("\n");
  const open: { name: string; line: number; indent: number; nested: number }[] = [];
  const found: FunctionLength[] = [];
  for (const [index, line] of lines.entries()) {
    const indent = line.search(/\S/);
    if (indent < 0) continue;
    const code = line.trim();
    const innermost = open.at(-1);
    if (innermost !== undefined && indent === innermost.indent && code.startsWith("}")) {
      open.pop();
      const length = index - innermost.line + 1;
      found.push({ name: innermost.name, line: innermost.line + 1, lines: length - innermost.nested });
      const outer = open.at(-1);
      if (outer !== undefined) outer.nested += length - 2;
    }
    if (opensFunction(code)) open.push({ name: code.slice(0, 80), line: index, indent, nested: 0 });
  }
  return found;
}

function opensFunction(code: string): boolean {
  if (!code.endsWith("{") || NOT_FUNCTIONS.test(code) || code.startsWith("}") || code.startsWith("*")) return false;
  if (code.endsWith("=> {")) return true;
  return /\)(:\s*[^=]+)?\s*\{$/.test(code) && !/^(export\s+)?(interface|type|class|enum|struct)\b/.test(code);
}
