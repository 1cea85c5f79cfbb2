import { AT_LEAST_ONE, type CliContext, type Command, ExitError } from "../command.ts";
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
      await writeFile(context, output, metered(answer.stream(), meter));
    } finally {
      await meter.end();
    }
    return 0;
  },
};

/** Written beside the target and renamed when complete: a broken save leaves no half archive under the name. */
async function writeFile(context: CliContext, path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const { open, rename, unlink, stat } = await import("node:fs/promises");
  const existing = await stat(path).catch(() => undefined);
  const special = existing !== undefined && !existing.isFile();
  const target = special ? path : `${path}.${process.pid}.partial`;
  const file = await open(target, special ? "w" : "wx", 0o600).catch((error: unknown) => {
    throw new ExitError(1, `failed to save image: open ${path}: ${(error as Error).message}`);
  });
  const remove = async () => (special ? undefined : unlink(target).catch(() => undefined));
  const forget = context.onInterrupt(remove);
  try {
    for await (const chunk of chunks) await file.writeFile(chunk);
    await file.close();
    if (!special) await rename(target, path);
  } catch (error) {
    await file.close().catch(() => undefined);
    await remove();
    throw error;
  } finally {
    forget();
  }
}
