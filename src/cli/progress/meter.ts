import type { CliContext } from "../command.ts";
import { type Transfer, transferLine } from "./bar.ts";
import { openLiveArea } from "./live-area.ts";

/** Bytes that pass, as a line at the foot of the terminal. */
export interface Meter {
  advance(bytes: number): void;
  /** Takes the line away for good. */
  end(): Promise<void>;
}

/** A meter on standard error. Whoever opens it ends it, also on an error. */
export async function openMeter(
  context: CliContext,
  transfer: { label: string; totalBytes?: number; quiet: boolean },
): Promise<Meter> {
  const state: Transfer = { ...transfer, currentBytes: 0 };
  const area = await openLiveArea(context, {
    output: "err",
    hidden: transfer.quiet,
    render: (columns) => [transferLine(state, columns)],
  });
  return {
    advance(bytes) {
      state.currentBytes += bytes;
      area.changed();
    },
    end: () => area.end(),
  };
}

/** The same chunks, counted as they pass. */
export async function* metered(
  chunks: AsyncIterable<Uint8Array>,
  meter: Pick<Meter, "advance">,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    meter.advance(chunk.byteLength);
    yield chunk;
  }
}
