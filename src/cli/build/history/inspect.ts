import type { WireBuildRecord } from "../../../wire/build-messages.ts";
import type { Command } from "../../command.ts";
import { STRING } from "../../flags/flag-types.ts";
import { goTime } from "../../format/units.ts";
import { buildRecords, durationText, findRecord, nameOf } from "./records.ts";

export const command: Command = {
  usage: "[OPTIONS] [BUILD]",
  short: "Inspect a build record",
  aliases: ["builder history inspect", "buildx history inspect"],
  flags: [
    { name: "format", type: STRING, usage: '"pretty", or "json" for all of it', default: "pretty" },
    { name: "builder", type: STRING, usage: "Override the configured builder instance", hidden: true },
  ],
  arity: { min: 0, max: 1 },
  examples: [
    ["builder history inspect", "The last build"],
    ["builder history inspect ^1 --format json", "The one before it, as JSON"],
  ],
  async run(context, flags) {
    const format = flags.string("format");
    if (format !== "pretty" && format !== "json")
      throw new Error(`unknown format ${JSON.stringify(format)}: pretty or json`);
    const record = findRecord(await buildRecords(await context.connect()), flags.arguments[0] ?? "");
    await context.io.out(
      format === "json" ? `${JSON.stringify(record, undefined, 2)}\n` : recordText(record, Date.now()),
    );
    return 0;
  },
};

/** Fields that are empty are left out. Pure. */
export function recordText(record: WireBuildRecord, nowMs: number): string {
  const { Steps } = record;
  const share = Steps.Total === 0 ? 0 : Math.round((Steps.Cached / Steps.Total) * 100);
  const rows: [string, string][] = [
    ["Name", nameOf(record)],
    ["Build", record.Ref],
    ["Context", record.Context],
    ["Dockerfile", record.Dockerfile],
    ["Target", record.Target],
    ["Platforms", record.Platforms.join(", ")],
    ["Started", goTime(new Date(record.StartedAt))],
    ["Duration", durationText(record, nowMs)],
    ["Status", record.Status],
    ["Build Steps", `${Steps.Completed}/${Steps.Total} (${share}% cached)`],
    ["Warnings", Steps.Warnings === 0 ? "" : String(Steps.Warnings)],
    ["Image", record.ImageId],
    ["Error", record.Error],
  ];
  return rows
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `${`${name}:`.padEnd(16)}${value.trimEnd().replaceAll("\n", `\n${" ".repeat(16)}`)}\n`)
    .join("");
}
