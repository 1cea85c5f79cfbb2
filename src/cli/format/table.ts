/** As Go's tabwriter with minwidth 10 and padding 3, which Docker's tables are made with. */
const MIN_WIDTH = 10;
const PADDING = 3;

/**
 * Aligns tab-separated cells: each column as wide as its widest cell; the last cell of a line is not padded. `styled`: cells may
 * hold colours, which take no room.
 */
export function alignTable(
  lines: readonly string[],
  options: { minWidth?: number; padding?: number; styled?: boolean } = {},
): string {
  const minWidth = options.minWidth ?? MIN_WIDTH;
  const padding = options.padding ?? PADDING;
  const displayLength = options.styled === true ? styledLength : plainLength;
  const rows = lines.map((line) => line.split("\t"));
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.slice(0, -1).entries()) {
      widths[column] = Math.max(widths[column] ?? minWidth, displayLength(cell) + padding);
    }
  }
  const pad = (cell: string, column: number) => cell + " ".repeat((widths[column] ?? 0) - displayLength(cell));
  return rows.map((row) => `${row.slice(0, -1).map(pad).join("")}${row.at(-1) ?? ""}\n`).join("");
}

function plainLength(text: string): number {
  return Array.from(text).length;
}

/** An escape, `[`, digits, `m`. Built from text, as the linter takes a control character in a pattern for a mistake. */
const COLOUR = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, "g");

function styledLength(text: string): number {
  return plainLength(text.replace(COLOUR, ""));
}
