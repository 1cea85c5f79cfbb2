import type { Location } from "../../../formats/dockerfile/instructions.ts";

/** BuildKit's `pb.Location` as JSON; zeros are left out. @see BuildKit solver/pb/ops.proto */
export interface SourceLocation {
  ranges: { start: { line: number }; end: { line: number } }[];
}

export function sourceLocation(...locations: Location[]): SourceLocation {
  return {
    ranges: locations.map(({ startLine, endLine }) => ({ start: { line: startLine }, end: { line: endLine } })),
  };
}

/** Files in answers are in base64, as Go writes bytes. */
export function sourceData(text: string): string {
  return Buffer.from(text, "utf8").toString("base64");
}

/**
 * What the comment lines right above an instruction say about `name`: the rest of the line that begins with it; undefined: nothing.
 * @see BuildKit frontend/dockerfile/instructions/parse.go `getComment`
 */
export function descriptionOf(lines: readonly string[], { startLine }: Location, name: string): string | undefined {
  if (name === "") return undefined;
  let found: string | undefined;
  for (let at = startLine - 2; at >= 0; at--) {
    const line = (lines[at] as string).trim();
    if (!line.startsWith("#")) break;
    const comment = line.slice(1).trim();
    if (comment.startsWith(`${name} `)) found = comment.slice(name.length + 1);
  }
  return found;
}
