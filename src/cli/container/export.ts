import { type Command, ExitError, exactly } from "../command.ts";
import { findDestination } from "../files/find-destination.ts";
import { writeArchive } from "../files/write-archive.ts";
import { STRING } from "../flags/flag-types.ts";
import { metered, openMeter } from "../progress/meter.ts";

export const command: Command = {
  usage: "[OPTIONS] CONTAINER",
  short: "Export a container's filesystem as a tar archive",
  aliases: ["container export", "export"],
  flags: [{ name: "output", short: "o", type: STRING, usage: "Write to a file, instead of STDOUT" }],
  arity: exactly(1),
  examples: [["export -o web.tar web", "Its root file system, without volumes"]],
  async run(context, flags) {
    const output = flags.string("output");
    const [name = ""] = flags.arguments;
    if (output === "" && (await context.terminal()).outputIsTerminal) {
      throw new ExitError(1, "cowardly refusing to save to a terminal. Use the -o flag or redirect");
    }
    if (output !== "") checkOutput(output);
    const transport = await context.connect();
    const answer = await transport.call("GET", `/containers/${encodeURIComponent(name)}/export`);
    if (output === "") {
      for await (const chunk of answer.stream()) await context.io.out(chunk);
      return 0;
    }
    const meter = await openMeter(context, { label: output.slice(output.lastIndexOf("/") + 1), quiet: false });
    try {
      await writeArchive(context, { path: output, what: "export container" }, metered(answer.stream(), meter));
    } finally {
      await meter.end();
    }
    return 0;
  },
};

function checkOutput(path: string): void {
  try {
    findDestination(path);
  } catch (error) {
    throw new ExitError(1, `failed to export container: ${(error as Error).message}`);
  }
}
