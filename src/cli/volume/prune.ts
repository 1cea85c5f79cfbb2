import { type Command, NO_ARGUMENTS } from "../command.ts";
import { confirm } from "../confirm.ts";
import { checkFilter, encodeFilters } from "../filters.ts";
import { BOOL, listOf } from "../flags/flag-types.ts";
import { humanSize } from "../format/units.ts";

export const command: Command = {
  usage: "[OPTIONS]",
  short: "Remove unused local volumes",
  aliases: ["volume prune"],
  flags: [
    { name: "all", short: "a", type: BOOL, usage: "Remove all unused volumes, not just anonymous ones" },
    { name: "filter", type: listOf("filter", checkFilter), usage: 'Provide filter values (e.g. "label=<label>")' },
    { name: "force", short: "f", type: BOOL, usage: "Do not prompt for confirmation" },
  ],
  arity: NO_ARGUMENTS,
  async run(context, flags) {
    const all = flags.bool("all");
    const what = all
      ? "all local volumes not used by at least one container"
      : "anonymous local volumes not used by at least one container";
    const question = `WARNING! This will remove ${what}.\nAre you sure you want to continue?`;
    if (!flags.bool("force") && !(await confirm(context, question))) return 1;
    const transport = await context.connect();
    const filters = encodeFilters([...flags.list("filter"), ...(all ? ["all=true"] : [])]);
    const answer = await transport.call("POST", "/volumes/prune", { query: { filters } });
    const pruned = await answer.json<{ VolumesDeleted: string[] | null; SpaceReclaimed: number }>();
    const removed = pruned.VolumesDeleted ?? [];
    let text = removed.length === 0 ? "" : `Deleted Volumes:\n${removed.map((name) => `${name}\n`).join("")}\n`;
    text += `Total reclaimed space: ${humanSize(pruned.SpaceReclaimed)}\n`;
    await context.io.out(text);
    return 0;
  },
};
