import { AT_LEAST_ONE, type Command } from "../command.ts";
import { alignTable } from "../format/table.ts";

export const command: Command = {
  usage: "CONTAINER [ps OPTIONS]",
  short: "Display the running processes of a container",
  aliases: ["container top", "top"],
  flags: [],
  arity: AT_LEAST_ONE,
  examples: [
    ["top web", "Its processes"],
    ["top web -o pid,args", "With the columns that ps is asked for"],
  ],
  interspersed: false,
  async run(context, flags) {
    const transport = await context.connect();
    const [name = "", ...options] = flags.arguments;
    const query = { ps_args: options.join(" ") };
    const answer = await transport.call("GET", `/containers/${encodeURIComponent(name)}/top`, { query });
    const top = await answer.json<{ Titles: string[]; Processes: string[][] | null }>();
    const lines = [top.Titles, ...(top.Processes ?? [])].map((cells) => cells.join("\t"));
    await context.io.out(alignTable(lines, { minWidth: 20 }));
    return 0;
  },
};
