import type { CliContext } from "../command.ts";
import { type Transfer, transferLine } from "./bar.ts";

/** Drawn at most this often. */
const REDRAW_MS = 80;
/** Back to the first column, and nothing to the right of it (ECMA-48 EL). */
const CLEAR_LINE = "\r\u001b[K";

/** A line of progress at the foot of the terminal; where there is no terminal it shows nothing. */
export interface Meter {
  /** Whether there is a terminal that shows it. */
  visible: boolean;
  advance(bytes: number): void;
  /** Runs `write` with the line taken away, so that what it writes stays above it. */
  above(write: () => Promise<void>): Promise<void>;
  /** Takes the line away for good. */
  end(): Promise<void>;
}

/** A meter on standard error. Whoever opens it ends it, also on an error; an interrupt takes it away by itself. */
export async function openMeter(
  context: CliContext,
  transfer: { label: string; totalBytes?: number; quiet: boolean },
): Promise<Meter> {
  const terminal = transfer.quiet ? undefined : await context.terminal();
  if (terminal?.errorIsTerminal !== true) return NO_METER;
  const clear = () => context.io.err(CLEAR_LINE);
  const forget = context.onInterrupt(clear);
  const state: Transfer = { ...transfer, currentBytes: 0 };
  let [drawnAt, over] = [Number.NEGATIVE_INFINITY, false];
  let drawing = Promise.resolve();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const draw = () => {
    clearTimeout(timer);
    timer = undefined;
    drawnAt = performance.now();
    // The last column stays free: a full line would wrap on some terminals.
    const line = transferLine(state, terminal.errorColumns() - 1);
    drawing = drawing.then(() => (over ? undefined : context.io.err(CLEAR_LINE + line)));
    drawing.catch(() => undefined); // standard error is gone; the work goes on without it
  };
  return {
    visible: true,
    advance(bytes) {
      state.currentBytes += bytes;
      if (over || timer !== undefined) return;
      const waitMs = drawnAt + REDRAW_MS - performance.now();
      // A stream that stalls still shows the last that came.
      if (waitMs > 0) timer = setTimeout(draw, waitMs);
      else draw();
    },
    async above(write) {
      await drawing;
      if (!over) await clear();
      await write();
      if (!over) draw();
    },
    async end() {
      if (over) return;
      over = true;
      clearTimeout(timer);
      forget();
      await drawing;
      await clear();
    },
  };
}

const NO_METER: Meter = {
  visible: false,
  advance: () => undefined,
  above: (write) => write(),
  end: async () => undefined,
};

/** The same chunks, counted as they pass. */
export async function* metered(
  chunks: AsyncIterable<Uint8Array>,
  meter: Meter,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    meter.advance(chunk.byteLength);
    yield chunk;
  }
}
