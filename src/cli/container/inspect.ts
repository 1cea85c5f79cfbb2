import type { Command } from "../command.ts";
import { BOOL } from "../flags/flag-types.ts";
import { inspectVerb } from "../verbs-on-names.ts";

export const command: Command = inspectVerb(
  {
    usage: "[OPTIONS] CONTAINER [CONTAINER...]",
    short: "Display detailed information on one or more containers",
    aliases: ["container inspect"],
    flags: [{ name: "size", short: "s", type: BOOL, usage: "Display total file sizes" }],
    examples: [["container inspect -f '{{.State.ExitCode}}' web", "How it ended"]],
  },
  {
    path: (name) => `/containers/${encodeURIComponent(name)}/json`,
    query: (flags) => ({ size: flags.bool("size") ? true : undefined }),
  },
);
