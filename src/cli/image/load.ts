import { type Command, ExitError, NO_ARGUMENTS } from "../command.ts";
import { BOOL, LIST, STRING } from "../flags/flag-types.ts";
import { platformQueries } from "./platform.ts";
import { openArchive, sendArchive } from "./send-archive.ts";

export const command: Command = {
  usage: "[OPTIONS]",
  short: "Load an image from a tar archive or STDIN",
  aliases: ["image load", "load"],
  flags: [
    { name: "input", short: "i", type: STRING, usage: "Read from tar archive file, instead of STDIN" },
    {
      name: "platform",
      type: LIST,
      usage:
        'Load only the given platform(s). Formatted as a comma-separated list of "os[/arch[/variant]]" (e.g., "linux/amd64,linux/arm64/v8").',
    },
    { name: "quiet", short: "q", type: BOOL, usage: "Suppress the load output" },
  ],
  arity: NO_ARGUMENTS,
  examples: [["load -i image.tar", "Bring in what `save` wrote, here or elsewhere"]],
  async run(context, flags) {
    const path = flags.string("input");
    if (path === "" && (await context.terminal()).inputIsTerminal) {
      throw new ExitError(1, "requested load from stdin, but stdin is empty");
    }
    const body = path === "" ? context.io.stdin() : await openArchive(path);
    const quiet = flags.bool("quiet");
    const query = { quiet: quiet ? true : undefined, platform: platformQueries(flags.list("platform")) };
    // What was loaded is told even with --quiet, which the daemon knows of.
    await sendArchive(context, { path: "/images/load", query, archive: path, body, quiet });
    return 0;
  },
};
