import { jsonLines } from "../../client/json-lines.ts";
import type { CliContext } from "../command.ts";

/** One line of a progress stream (load, import, pull, push). */
interface ProgressLine {
  stream?: string;
  status?: string;
  id?: string;
  progressDetail?: { current?: number; total?: number };
  error?: string;
  errorDetail?: { message?: string };
}

/** Plain text of a progress stream, a line for each change of state; byte counts are left out. Throws what the daemon reports. */
export async function showProgress(
  context: CliContext,
  body: AsyncIterable<Uint8Array>,
  options: { quiet: boolean; toStderr: boolean },
): Promise<void> {
  const write = (text: string) => (options.toStderr ? context.io.err(text) : context.io.out(text));
  for await (const line of jsonLines<ProgressLine>(body)) {
    const error = line.errorDetail?.message ?? line.error;
    if (error !== undefined) throw new Error(error);
    if (options.quiet) continue;
    const text = progressText(line);
    if (text !== "") await write(text);
  }
}

/** "" for a line that only counts bytes. */
export function progressText(line: ProgressLine): string {
  if (line.stream !== undefined) return line.stream;
  if (line.status === undefined || (line.progressDetail?.current ?? 0) > 0) return "";
  return line.id === undefined || line.id === "" ? `${line.status}\n` : `${line.id}: ${line.status}\n`;
}
