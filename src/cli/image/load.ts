import { type Command, ExitError, NO_ARGUMENTS } from "../command.ts";
import { BOOL, LIST, STRING } from "../flags/flag-types.ts";
import { platformJson } from "./platform.ts";
import { showProgress } from "./progress.ts";

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
    const body = path === "" ? context.io.stdin() : await fileBody(path);
    const transport = await context.connect();
    const quiet = flags.bool("quiet");
    const query = { quiet: quiet ? true : undefined, platform: flags.list("platform").map(platformJson) };
    const answer = await transport.call("POST", "/images/load", {
      query,
      body,
      headers: { "Content-Type": "application/x-tar" },
    });
    // What was loaded is told even with --quiet, which the daemon knows of.
    await showProgress(context, answer.stream(), { quiet: false, toStderr: false });
    return 0;
  },
};

async function fileBody(path: string): Promise<AsyncIterable<Uint8Array>> {
  const file = Bun.file(path);
  if (!(await file.exists())) throw new ExitError(1, `open ${path}: no such file or directory`);
  return file.stream();
}
