import { AT_LEAST_ONE, type Command, ExitError } from "../command.ts";
import { writeArchive } from "../files/write-archive.ts";
import { LIST, STRING } from "../flags/flag-types.ts";
import { metered, openMeter } from "../progress/meter.ts";
import { platformQueries } from "./platform.ts";

export const command: Command = {
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  short: "Save one or more images to a tar archive (streamed to STDOUT by default)",
  aliases: ["image save", "save"],
  flags: [
    { name: "output", short: "o", type: STRING, usage: "Write to a file, instead of STDOUT" },
    {
      name: "platform",
      type: LIST,
      usage:
        'Save only the given platform(s). Formatted as a comma-separated list of "os[/arch[/variant]]" (e.g., "linux/amd64,linux/arm64/v8")',
    },
  ],
  arity: AT_LEAST_ONE,
  examples: [["save -o image.tar debian:12", "An archive that `load` takes on another host"]],
  async run(context, flags) {
    const output = flags.string("output");
    if (output === "" && (await context.terminal()).outputIsTerminal) {
      throw new ExitError(1, "cowardly refusing to save to a terminal. Use the -o flag or redirect");
    }
    const transport = await context.connect();
    const platform = platformQueries(flags.list("platform"));
    const [name = "", ...more] = flags.arguments;
    const answer =
      more.length === 0
        ? await transport.call("GET", `/images/${name}/get`, { query: { platform } })
        : await transport.call("GET", "/images/get", { query: { names: flags.arguments, platform } });
    if (output === "") {
      for await (const chunk of answer.stream()) await context.io.out(chunk);
      return 0;
    }
    const meter = await openMeter(context, { label: output.slice(output.lastIndexOf("/") + 1), quiet: false });
    try {
      await writeArchive(context, { path: output, what: "save image" }, metered(answer.stream(), meter));
    } finally {
      await meter.end();
    }
    return 0;
  },
};
