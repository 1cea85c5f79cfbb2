import type { Command } from "../command.ts";
import { checkLabel } from "../container/parse-network.ts";
import { toMap } from "../container/read-env.ts";
import { listOf, STRING } from "../flags/flag-types.ts";

export const command: Command = {
  usage: "[OPTIONS] [VOLUME]",
  short: "Create a volume",
  aliases: ["volume create"],
  flags: [
    { name: "driver", short: "d", type: STRING, usage: "Specify volume driver name", default: "local" },
    { name: "label", type: listOf("list", checkLabel), usage: "Set metadata for a volume" },
    { name: "name", type: STRING, usage: "Specify volume name", hidden: true },
    { name: "opt", short: "o", type: listOf("map"), usage: "Set driver specific options" },
  ],
  arity: { min: 0, max: 1 },
  examples: [
    ["volume create data", "A volume to keep files in when containers go"],
    ["volume create -o type=tmpfs -o device=tmpfs -o o=size=64m scratch", "One that lives in memory"],
  ],
  async run(context, flags) {
    const [argument] = flags.arguments;
    const flag = flags.string("name");
    if (argument !== undefined && flag !== "") {
      throw new Error("conflicting options: cannot specify a volume-name through both --name and as a positional arg");
    }
    const transport = await context.connect();
    const json = {
      Name: argument ?? flag,
      Driver: flags.string("driver"),
      DriverOpts: toMap(flags.list("opt")),
      Labels: toMap(flags.list("label")),
    };
    const answer = await transport.call("POST", "/volumes/create", { json });
    await context.io.out(`${(await answer.json<{ Name: string }>()).Name}\n`);
    return 0;
  },
};
