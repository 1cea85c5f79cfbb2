import { jsonLines } from "../../client/json-lines.ts";
import type { WireProgress } from "../../wire/progress.ts";
import type { WireCheckReport } from "../../wire/system.ts";
import { type CliContext, type Command, NO_ARGUMENTS } from "../command.ts";
import { BOOL, STRING } from "../flags/flag-types.ts";
import { checkText } from "../format/check-text.ts";
import { renderObject } from "../format/object-format.ts";
import { INSPECT_FORMAT_USAGE } from "../format/usage.ts";
import { openMeter } from "../progress/meter.ts";

export const command: Command = {
  usage: "[OPTIONS]",
  short: "Verify everything that the engine keeps",
  aliases: ["system check"],
  flags: [
    { name: "format", short: "f", type: STRING, usage: INSPECT_FORMAT_USAGE },
    { name: "repair", type: BOOL, usage: "Mend what can be mended and remove what belongs to nothing" },
  ],
  arity: NO_ARGUMENTS,
  examples: [
    ["system check", "Every blob against its digest, images, layers and records against one another"],
    ["system check --repair", "The same, and unpack missing layers again, remove what is left over"],
  ],
  async run(context, flags) {
    const transport = await context.connect();
    const query = { repair: flags.bool("repair") ? true : undefined };
    const answer = await transport.call("POST", "/gantry/system/check", { query });
    const report = await readReport(context, answer.stream());
    const format = flags.string("format");
    await context.io.out(format === "" ? checkText(report) : renderObject(format, report, "*system.checkReport"));
    return report.Problems.every(({ Repaired }) => Repaired) ? 0 : 1;
  },
};

/** Shows how far it is until the report comes. Throws what the daemon reports. */
async function readReport(context: CliContext, body: AsyncIterable<Uint8Array>): Promise<WireCheckReport> {
  let meter: Awaited<ReturnType<typeof openMeter>> | undefined;
  let shown = 0;
  try {
    for await (const { error, errorDetail, progressDetail, aux } of jsonLines<WireProgress>(body)) {
      const message = errorDetail?.message ?? error;
      if (message !== undefined) throw new Error(message);
      if (aux !== undefined) return aux as WireCheckReport;
      const { current = 0, total = 0 } = progressDetail ?? {};
      meter ??= await openMeter(context, { label: "verifying", totalBytes: total, quiet: false });
      meter.advance(current - shown);
      shown = current;
    }
  } finally {
    await meter?.end();
  }
  throw new Error("the daemon ended before the check did");
}
