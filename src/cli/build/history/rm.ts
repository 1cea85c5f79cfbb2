import { ANY_NUMBER, type Command } from "../../command.ts";
import { BOOL, STRING } from "../../flags/flag-types.ts";
import { buildRecords, findRecord } from "./records.ts";

export const command: Command = {
  usage: "[OPTIONS] [BUILD...]",
  short: "Remove build records",
  aliases: ["builder history rm", "buildx history rm"],
  flags: [
    { name: "all", type: BOOL, usage: "Remove all build records" },
    { name: "builder", type: STRING, usage: "Override the configured builder instance", hidden: true },
  ],
  arity: ANY_NUMBER,
  examples: [
    ["builder history rm 3f9a", "One record; images and cache stay"],
    ["builder history rm --all", "All of them, but for builds that run"],
  ],
  async run(context, flags) {
    const names = flags.arguments;
    if (flags.bool("all") === names.length > 0) throw new Error("name the builds, or --all of them");
    const transport = await context.connect();
    const records = await buildRecords(transport);
    const chosen =
      names.length > 0
        ? names.map((name) => findRecord(records, name))
        : records.filter(({ Status }) => Status !== "running");
    for (const { Ref } of chosen) {
      const answer = await transport.call("DELETE", `/gantry/build/history/${Ref}`);
      for await (const _ of answer.stream());
      await context.io.out(`${Ref}\n`);
    }
    return 0;
  },
};
