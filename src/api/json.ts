import { invalid } from "../base/errors.ts";

/** Nesting of objects and arrays in a request; real ones reach six. */
const MAX_DEPTH = 200;

/** JSON of a request, checked before it is parsed. Throws invalid-argument. Keys such as `__proto__` are ordinary keys. */
export function parseJson(text: string): unknown {
  checkDepth(text);
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw invalid(describe(text), { cause: error });
  }
}

/** Go's decoder reads one value and Docker then looks for more; JSON.parse tells both with one error. */
function describe(text: string): string {
  const end = endOfFirstValue(text);
  return end !== undefined && text.slice(end).trim() !== ""
    ? "unexpected content after JSON"
    : "invalid JSON: the body is not a JSON document";
}

function checkDepth(text: string): void {
  let depth = 0;
  scan(text, (change) => {
    depth += change;
    if (depth > MAX_DEPTH) throw invalid(`invalid JSON: nested deeper than ${MAX_DEPTH} levels`);
    return false;
  });
}

/** Where an object or array that begins the text ends; undefined where none does. */
function endOfFirstValue(text: string): number | undefined {
  if (!/^\s*[{[]/.test(text)) return undefined;
  let depth = 0;
  const end = scan(text, (change) => {
    depth += change;
    return depth === 0;
  });
  if (end === undefined) return undefined;
  try {
    JSON.parse(text.slice(0, end));
    return end;
  } catch {
    return undefined;
  }
}

/** Calls for each bracket outside of strings; ends after the one for which it returned true. */
function scan(text: string, onBracket: (change: 1 | -1) => boolean): number | undefined {
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (inString) {
      if (code === 0x5c) at++;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x7b || code === 0x5b) {
      if (onBracket(1)) return at + 1;
    } else if (code === 0x7d || code === 0x5d) {
      if (onBracket(-1)) return at + 1;
    }
  }
  return undefined;
}
