import type { Command } from "../command.ts";
import { verbOnNames } from "../verbs-on-names.ts";

export const command: Command = verbOnNames(
  {
    usage: "CONTAINER [CONTAINER...]",
    short: "Pause all processes within one or more containers",
    aliases: ["container pause", "pause"],
    examples: [["pause web", "Freeze its processes; memory and connections stay"]],
  },
  { method: "POST", path: (name) => `/containers/${name}/pause` },
);
