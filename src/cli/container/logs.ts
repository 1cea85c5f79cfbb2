import { type Command, exactly } from "../command.ts";
import { BOOL, STRING } from "../flags/flag-types.ts";
import { copyBody } from "./streams.ts";

export const command: Command = {
  usage: "[OPTIONS] CONTAINER",
  short: "Fetch the logs of a container",
  aliases: ["container logs", "logs"],
  flags: [
    { name: "details", type: BOOL, usage: "Show extra details provided to logs" },
    { name: "follow", short: "f", type: BOOL, usage: "Follow log output" },
    {
      name: "since",
      type: STRING,
      usage: 'Show logs since timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)',
    },
    {
      name: "tail",
      short: "n",
      type: STRING,
      usage: "Number of lines to show from the end of the logs",
      default: "all",
    },
    { name: "timestamps", short: "t", type: BOOL, usage: "Show timestamps" },
    {
      name: "until",
      type: STRING,
      usage: 'Show logs before a timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)',
    },
  ],
  arity: exactly(1),
  examples: [
    ["logs -f --tail 20 web", "The last lines, and those to come"],
    ["logs --since 10m -t web", "What it wrote in the last ten minutes, with the times"],
  ],
  async run(context, flags) {
    const { parseTimestamp } = await import("../format/timestamp.ts");
    const transport = await context.connect();
    const name = encodeURIComponent(flags.arguments[0] ?? "");
    const now = new Date();
    const set = (flag: string) => (flags.bool(flag) ? true : undefined);
    const query = {
      stdout: true,
      stderr: true,
      follow: set("follow"),
      timestamps: set("timestamps"),
      details: set("details"),
      since: flags.value("since", (text) => parseTimestamp(text, now), ""),
      until: flags.value("until", (text) => parseTimestamp(text, now), ""),
      tail: flags.string("tail"),
    };
    const answer = await transport.call("GET", `/containers/${name}/logs`, { query });
    const type = answer.headers.get("content-type") ?? "";
    await copyBody(
      answer.stream(),
      await isRaw(type, async () => transport.call("GET", `/containers/${name}/json`)),
      context.io,
    );
    return 0;
  },
};

/** Daemons of API 1.42 and later say so in the content type; older ones must be asked for the container. */
async function isRaw(contentType: string, inspect: () => Promise<{ json<T>(): Promise<T> }>): Promise<boolean> {
  if (contentType.includes("multiplexed-stream")) return false;
  if (contentType.includes("raw-stream")) return true;
  return (await (await inspect()).json<{ Config: { Tty: boolean } }>()).Config.Tty;
}
