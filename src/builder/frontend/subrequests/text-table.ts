/** Columns wide enough for what is in them, `gap` blanks between. Of the last one nothing is padded. Ends in a line feed. */
export function textTable(rows: readonly string[][], gap: number): string {
  const widths: number[] = [];
  for (const row of rows)
    row.slice(0, -1).forEach((cell, at) => {
      widths[at] = Math.max(widths[at] ?? 0, cell.length);
    });
  const lines = rows.map((row) =>
    row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd((widths[at] as number) + gap))).join(""),
  );
  return `${lines.join("\n")}\n`;
}
