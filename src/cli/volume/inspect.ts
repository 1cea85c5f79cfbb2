import type { Command } from "../command.ts";
import { inspectVerb } from "../verbs-on-names.ts";

export const command: Command = inspectVerb(
  {
    usage: "[OPTIONS] VOLUME [VOLUME...]",
    short: "Display detailed information on one or more volumes",
    aliases: ["volume inspect"],
    examples: [["volume inspect -f '{{.Mountpoint}}' data", "Where its files lie on this host"]],
  },
  { path: (name) => `/volumes/${encodeURIComponent(name)}` },
);
