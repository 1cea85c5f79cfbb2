/** `text` cut to so many columns of a terminal, colours not counted. Text with colours is not cut: it is made to fit before. Pure. */
export function fit(text: string, columns: number): string {
  if (text.length <= columns || Bun.stringWidth(text) <= columns) return text;
  let [kept, width] = ["", 0];
  for (const character of text) {
    width += Bun.stringWidth(character);
    if (width > columns) break;
    kept += character;
  }
  return kept;
}
