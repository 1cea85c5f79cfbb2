/** As Go's tabwriter with minwidth 10 and padding 3, which Docker's tables are made with. */
const MIN_WIDTH = 10;
const PADDING = 3;

/** Aligns tab-separated cells: each column as wide as its widest cell; the last cell of a line is not padded. */
export function alignTable(lines: readonly string[], options: { minWidth?: number; padding?: number } = {}): string {
  const minWidth = options.minWidth ?? MIN_WIDTH;
  const padding = options.padding ?? PADDING;
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

function displayLength(text: string): number {
  return Array.from(text).length;
}
