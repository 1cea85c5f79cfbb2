import { type Command, NO_ARGUMENTS } from "../command.ts";
import { confirm } from "../confirm.ts";
import { checkFilter, encodeFilters } from "../filters.ts";
import { BOOL, listOf } from "../flags/flag-types.ts";
import { humanSize } from "../format/units.ts";

export const command: Command = {
  usage: "[OPTIONS]",
  short: "Remove all stopped containers",
  aliases: ["container prune"],
  flags: [
    { name: "filter", type: listOf("filter", checkFilter), usage: 'Provide filter values (e.g. "until=<timestamp>")' },
    { name: "force", short: "f", type: BOOL, usage: "Do not prompt for confirmation" },
  ],
  arity: NO_ARGUMENTS,
  async run(context, flags) {
    const question = "WARNING! This will remove all stopped containers.\nAre you sure you want to continue?";
    if (!flags.bool("force") && !(await confirm(context, question))) return 1;
    const transport = await context.connect();
    const query = { filters: encodeFilters(flags.list("filter")) };
    const answer = await transport.call("POST", "/containers/prune", { query });
    const pruned = await answer.json<{ ContainersDeleted: string[] | null; SpaceReclaimed: number }>();
    const removed = pruned.ContainersDeleted ?? [];
    let text = removed.length === 0 ? "" : `Deleted Containers:\n${removed.map((id) => `${id}\n`).join("")}\n`;
    text += `Total reclaimed space: ${humanSize(pruned.SpaceReclaimed)}\n`;
    await context.io.out(text);
    return 0;
  },
};
