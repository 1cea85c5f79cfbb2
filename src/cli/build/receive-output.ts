import type { MessageStream } from "../../wire/build-channel.ts";
import { absolutePath } from "../absolute-path.ts";
import { type CliContext, ExitError } from "../command.ts";
import { unpackLocal } from "../files/unpack-local.ts";
import { writeArchive } from "../files/write-archive.ts";
import type { PlannedOutput } from "./plan-outputs.ts";

/** Refuses what cannot be written, before anything is built. */
export async function checkDestinations(context: CliContext, outputs: readonly PlannedOutput[]): Promise<void> {
  const { statSync } = await import("node:fs");
  if (outputs.filter(({ destination }) => destination === "-").length > 1) {
    throw new Error("only one output can go to standard output");
  }
  for (const { wire, destination } of outputs) {
    if (destination === "-") {
      if (wire.Type === "local") throw new Error("a directory cannot go to standard output: use type=tar");
      if (!(await context.terminal()).outputIsTerminal) continue;
      throw new ExitError(1, `dest file is required for ${wire.Type} exporter. refusing to write to console`);
    }
    if (destination === "") continue;
    const found = statSync(absolutePath(context.workingDir, destination), { throwIfNoEntry: false });
    if (isDirectoryOutput(wire)) {
      if (found !== undefined && !found.isDirectory())
        throw new Error(`destination directory ${destination} is a file`);
    } else if (found?.isDirectory() === true) throw new Error(`destination file ${destination} is a directory`);
  }
}

/** `tar=false`: an OCI layout as a directory. */
function isDirectoryOutput({ Type, Attributes }: PlannedOutput["wire"]): boolean {
  return Type === "local" || Attributes["tar"] === "false";
}

/** Writes what the build sends for one of its outputs. The daemon is trusted less than the user's files: nothing outside is touched. */
export async function receiveOutput(
  context: CliContext,
  output: PlannedOutput | undefined,
  { form, stream }: { form: "archive" | "directory"; stream: MessageStream },
): Promise<void> {
  if (output === undefined || output.destination === "")
    throw new Error("the daemon sends an output that was not asked for");
  const { destination, wire } = output;
  if ((form === "directory") !== isDirectoryOutput(wire))
    throw new Error(`the daemon sends output ${wire.Type} in another form`);
  if (destination === "-") {
    for await (const bytes of stream) await context.io.out(bytes);
    return;
  }
  const path = absolutePath(context.workingDir, destination);
  if (form === "archive") return writeArchive(context, { path, what: "write the output" }, stream);
  const { mkdirSync } = await import("node:fs");
  mkdirSync(path, { recursive: true });
  const skipped = await unpackLocal(stream, { directory: path, base: ".", name: "." });
  if (skipped.length > 0) await context.io.err(`left out, as they are devices or pipes: ${skipped.join(", ")}\n`);
}
