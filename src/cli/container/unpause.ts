import type { Command } from "../command.ts";
import { verbOnNames } from "../verbs-on-names.ts";

export const command: Command = verbOnNames(
  {
    usage: "CONTAINER [CONTAINER...]",
    short: "Unpause all processes within one or more containers",
    aliases: ["container unpause", "unpause"],
    examples: [["unpause web", "Let its processes go on where they were"]],
  },
  { method: "POST", path: (name) => `/containers/${name}/unpause` },
);
