/** Most that is read for one line. */
const MAX_LINE_BYTES = 1024 * 1024;

/** Lines of standard input, one at a time. */
export interface LineReader {
  /** Without its end; undefined where the input is over. */
  next(): Promise<string | undefined>;
}

/** What was read beyond a line is kept for the next. */
export function createLineReader(input: AsyncIterable<Uint8Array>): LineReader {
  const chunks = input[Symbol.asyncIterator]();
  const decoder = new TextDecoder();
  let [pending, over] = ["", false];
  return {
    async next() {
      while (!pending.includes("\n") && !over) {
        const { value, done } = await chunks.next();
        over = done === true;
        if (value !== undefined) pending += decoder.decode(value, { stream: true });
        if (pending.length > MAX_LINE_BYTES) throw new Error("the line that was entered is too long");
      }
      if (pending === "") return undefined;
      const end = pending.indexOf("\n");
      const line = end < 0 ? pending : pending.slice(0, end);
      pending = end < 0 ? "" : pending.slice(end + 1);
      return line.replace(/\r$/, "");
    },
  };
}
