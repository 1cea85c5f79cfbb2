import { jsonLines } from "../../client/json-lines.ts";
import type { WireProgress } from "../../wire/progress.ts";
import type { CliContext } from "../command.ts";
import { humanSize } from "../format/units.ts";
import type { Meter } from "./meter.ts";

/**
 * The text of a progress stream (load, import, pull, push), a line for each change of state. With a meter that is visible, each
 * layer that is done has a line too. Throws what the daemon reports.
 */
export async function showProgress(
  context: CliContext,
  body: AsyncIterable<Uint8Array>,
  options: { quiet: boolean; toStderr: boolean; meter?: Meter },
): Promise<void> {
  const { meter } = options;
  const write = (text: string) => (options.toStderr ? context.io.err(text) : context.io.out(text));
  for await (const line of jsonLines<WireProgress>(body)) {
    const error = line.errorDetail?.message ?? line.error;
    if (error !== undefined) throw new Error(error);
    if (options.quiet) continue;
    const text = progressText(line);
    const layer = meter?.visible === true ? layerText(line) : "";
    if (layer !== "") await meter?.above(() => context.io.err(layer));
    else if (text !== "") await (meter === undefined ? write(text) : meter.above(() => write(text)));
  }
}

/** "" for a line that only counts bytes. */
export function progressText(line: WireProgress): string {
  if (line.stream !== undefined) return line.stream;
  if (line.status === undefined || (line.progressDetail?.current ?? 0) > 0) return "";
  return line.id === undefined || line.id === "" ? `${line.status}\n` : `${line.id}: ${line.status}\n`;
}

/** `d0ac33921e17: Loading layer 74.8MB` for a layer whose bytes are all there; "" for any other line. */
export function layerText({ id, status, progressDetail }: WireProgress): string {
  const { current = 0, total = 0 } = progressDetail ?? {};
  if (id === undefined || status === undefined || total === 0 || current < total) return "";
  return `${id}: ${status} ${humanSize(total)}\n`;
}
