import { jsonLines } from "../../../client/json-lines.ts";
import type { WireBuildEvent } from "../../../wire/build-messages.ts";
import type { Command } from "../../command.ts";
import { STRING } from "../../flags/flag-types.ts";
import { PlainProgress } from "../display/plain.ts";
import { rawLine } from "../display/raw-json.ts";
import { buildRecords, findRecord } from "./records.ts";

export const command: Command = {
  usage: "[OPTIONS] [BUILD]",
  short: "Print the logs of a build record",
  aliases: ["builder history logs", "buildx history logs"],
  flags: [
    { name: "progress", type: STRING, usage: 'Set type of progress output ("plain", "rawjson")', default: "plain" },
    { name: "builder", type: STRING, usage: "Override the configured builder instance", hidden: true },
  ],
  arity: { min: 0, max: 1 },
  examples: [
    ["builder history logs", "What the last build said; of one that runs, what it is going to say"],
    ["builder history logs 3f9a", "A build by the beginning of its ID"],
  ],
  async run(context, flags) {
    const mode = flags.string("progress");
    if (mode !== "plain" && mode !== "rawjson")
      throw new Error(`unknown progress ${JSON.stringify(mode)}: plain or rawjson`);
    const transport = await context.connect();
    const { Ref } = findRecord(await buildRecords(transport), flags.arguments[0] ?? "");
    const answer = await transport.call("GET", `/gantry/build/history/${Ref}/logs`);
    const progress = new PlainProgress();
    for await (const event of jsonLines<WireBuildEvent>(answer.stream())) {
      if (mode === "rawjson") await context.io.out(`${rawLine([event])}\n`);
      else await context.io.out(progress.update([event], timeOf(event)));
    }
    if (mode === "plain") await context.io.out(progress.finish(Date.now()));
    return 0;
  },
};

/** When it happened: steps give way to each other as they did then. */
function timeOf({ Vertex, Progress, Log }: WireBuildEvent): number {
  return Log?.At ?? Vertex?.CompletedAt ?? Vertex?.StartedAt ?? Progress?.CompletedAt ?? Progress?.StartedAt ?? 0;
}
