import type { WireBuilder } from "../../../wire/build-messages.ts";
import type { Command } from "../../command.ts";
import { BOOL, STRING } from "../../flags/flag-types.ts";
import { bytesSize } from "../../format/units.ts";
import { BUILDER_NAME, checkBuilderName, DRIVER, theBuilder } from "./the-builder.ts";

export const command: Command = {
  usage: "[OPTIONS] [NAME]",
  short: "Inspect current builder instance",
  aliases: ["builder inspect", "buildx inspect"],
  flags: [
    { name: "bootstrap", type: BOOL, usage: "Ensure builder has booted before inspecting" },
    { name: "builder", type: STRING, usage: "Override the configured builder instance", hidden: true },
  ],
  arity: { min: 0, max: 1 },
  examples: [["buildx inspect", "Platforms, version and how large the cache may be"]],
  async run(context, flags) {
    checkBuilderName(flags.arguments[0] ?? flags.string("builder"));
    await context.io.out(describe(await theBuilder(await context.connect())));
    return 0;
  },
};

/** As buildx prints it: scripts look for `Status:` and `Platforms:`. Pure. */
function describe({ Version, Platforms, GcPolicy }: WireBuilder): string {
  const fields = [
    ["Name:", BUILDER_NAME],
    ["Endpoint:", BUILDER_NAME],
    ["Status:", "running"],
    ["BuildKit version:", `v${Version}`],
    ["Platforms:", Platforms.join(", ")],
  ];
  const lines = [
    `Name:   ${BUILDER_NAME}`,
    `Driver: ${DRIVER}`,
    "",
    "Nodes:",
    ...fields.map(([name = "", value]) => `${name.padEnd(17)} ${value}`),
    ...GcPolicy.flatMap(describeRule),
  ];
  return `${lines.join("\n")}\n`;
}

function describeRule({ All, Filters, KeepBytes }: WireBuilder["GcPolicy"][number], index: number): string[] {
  return [
    `GC Policy rule#${index}:`,
    ` All:            ${All}`,
    ...(Filters.length === 0 ? [] : [` Filters:        ${Filters.join(",")}`]),
    ...(KeepBytes === null ? [] : [` Max Used Space: ${bytesSize(KeepBytes)}`]),
  ];
}
