/** What a terminal shows after a program's output: enough of ECMA-48 for programs that draw over their last lines. */
export interface Screen {
  /** With what has scrolled away; without spaces at the ends of lines and empty lines at the end. */
  lines: string[];
  cursorVisible: boolean;
}

/** Plays `output` on a terminal of this size. Lines longer than the terminal wrap. Unknown sequences throw. */
export function playOnScreen(output: string, columns = 100, rows = 30): Screen {
  const grid: string[][] = [[]];
  let [row, column, cursorVisible] = [0, 0, true];
  const cells = (index: number) => (grid[index] ??= []);
  const put = (character: string) => {
    if (column >= columns) [row, column] = [row + 1, 0];
    const line = cells(row);
    while (line.length < column) line.push(" ");
    line[column++] = character;
  };
  const controls: Record<string, (count: number) => void> = {
    // The cursor does not leave the screen for what has scrolled away.
    B: (count) => void (row += count),
    A: (count) => void (row = Math.max(Math.max(0, grid.length - rows), row - count)),
    K: (part) => void cells(row).splice(part === 2 ? 0 : column),
    J: () => {
      cells(row).splice(column);
      grid.splice(row + 1);
    },
    m: () => undefined,
  };
  // The control character before `[` is ESC: nothing else stands there in practice.
  for (const [token, mode, count, final] of output.matchAll(/\p{Cc}\[(\?25)?(\d*)([A-Za-z])|[^]/gu)) {
    if (final !== undefined) {
      if (mode !== undefined) cursorVisible = final === "h";
      else if (controls[final] === undefined)
        throw new Error(`a sequence that the screen does not know: ${JSON.stringify(token)}`);
      else controls[final](Number(count || "1"));
    } else if (token === "\r") column = 0;
    else if (token === "\n") cells(++row);
    else put(token);
  }
  const lines = grid.map((line) => line.join("").trimEnd());
  while (lines.at(-1) === "") lines.pop();
  return { lines, cursorVisible };
}
