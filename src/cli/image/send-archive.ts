import type { Query } from "../../client/transport.ts";
import { type CliContext, ExitError } from "../command.ts";
import { metered } from "../progress/meter.ts";
import { openProgressDisplay } from "../progress/progress-display.ts";

/** The bytes of a file. Throws in Docker's words when it is not there. */
export async function openArchive(path: string): Promise<AsyncIterable<Uint8Array>> {
  const file = Bun.file(path);
  if (!(await file.exists())) throw new ExitError(1, `open ${path}: no such file or directory`);
  return file.stream();
}

/** Sends an archive, on a terminal with a bar of the bytes that the daemon has taken, and shows what the daemon tells of it. */
export async function sendArchive(
  context: CliContext,
  request: { path: string; query: Query; archive: string; body: AsyncIterable<Uint8Array>; quiet: boolean },
): Promise<void> {
  const { path, query, archive, quiet } = request;
  const size = archive === "" || archive === "-" ? undefined : Bun.file(archive).size;
  const known = size !== undefined && Number.isFinite(size) && size > 0;
  const label = archive.slice(archive.lastIndexOf("/") + 1) || "archive";
  const transport = await context.connect();
  const upload = { label, ...(known ? { totalBytes: size } : {}) };
  // The daemon's words go to standard output, which may be a file, what is drawn to standard error.
  const display = await openProgressDisplay(context, {
    quiet: false,
    drawn: !quiet,
    lines: "out",
    area: "err",
    upload,
  });
  try {
    const body = metered(request.body, display);
    const headers = { "Content-Type": "application/x-tar" };
    const answer = await transport.call("POST", path, { query, body, headers });
    await display.show(answer.stream());
  } finally {
    await display.end();
  }
}
